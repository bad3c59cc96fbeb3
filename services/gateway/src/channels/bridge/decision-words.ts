import type { UndeliveredDecision } from '@megabot/contracts/bridge-report.ts';
import type { OpenClawStatus } from '../openclaw/status.ts';
import type { StoredAnswer } from '../openclaw/store.ts';
import { wentOut } from './approved-sends.ts';

/** What the owner's decision about an answer means. `link`: how the bridge stands, undefined where another process runs it. */
export function decisionWords(answer: StoredAnswer, link: OpenClawStatus['state'] | undefined): Pick<UndeliveredDecision, 'state' | 'message'> {
  if (answer.state === 'discarded') return { state: 'discarded', message: discardedReason(answer) };
  if (answer.state === 'held') return { state: 'held', message: 'OpenClaw holds it, so it is not sent again. Whether it was delivered is looked up now.' };
  return { state: 'pending', message: `It is tried again ${when(link)}, after earlier answers to the same chat.` };
}

/** That it was discarded, and how far it had gone out by then. */
export function discardedReason(answer: StoredAnswer): string {
  return `It was discarded. ${answer.ending === 'held' ? 'OpenClaw took it into its own queue and may still deliver it.' : wentOut(answer)}`;
}

function when(link: OpenClawStatus['state'] | undefined): string {
  if (link === undefined) return 'within a minute, by the process that runs the bridge';
  return link === 'connected' ? 'now' : 'as soon as OpenClaw is connected';
}
