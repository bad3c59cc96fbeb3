import type { RunLimits, RunPlan } from '@megabot/contracts/action.ts';
import { canonicalHost, type NetworkGrant } from '@megabot/contracts/network.ts';

/** What a plan reaches of the internet, as a person is shown it. */
export function networkOf(plan: RunPlan): NetworkGrant {
  if (plan.kind === 'shell') return plan.network;
  if (plan.kind !== 'web_request') return 'none';
  // An address, or a name that is no public host's: the request will be refused where it is made, and until then nothing less is true.
  const host = canonicalHost(new URL(plan.action.url).hostname);
  return host === undefined ? 'internet' : { hosts: [host] };
}

/** What of the machine it sees, in words: the workspace where it works on that, else nothing. */
export const mountsOf = (plan: RunPlan): string[] =>
  'files' in plan || 'changes' in plan ? ["/workspace: this conversation's files, readable and writable. Nothing else of the machine."] : [];

/** The limits of a run in the sandbox; null where nothing runs there. */
export const limitsOf = ({ limits }: RunPlan): RunLimits | null => ('memoryBytes' in limits ? limits : null);
