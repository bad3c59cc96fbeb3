import { judge } from '../policy/decide.ts';
import { shellRisk } from '../risk.ts';
import { sandboxLimits } from './limits.ts';
import type { KindRules } from './rules.ts';

/** What every run sees, and nothing of the host. */
export const environment: Readonly<Record<string, string>> = {
  HOME: '/home/agent',
  LANG: 'C.UTF-8',
  PATH: '/usr/local/bin:/usr/bin:/bin',
  TERM: 'dumb',
  USER: 'agent',
};

export const shell: KindRules<'shell'> = {
  judge: (action, policy) => judge(action.command, policy),
  risk: (action) => shellRisk(action.command),
  display: (action) => action.command,
  summary: (action) => action.command,
  plan: (action, { sandbox, conversation, workspaceRevision }) => ({
    kind: 'shell',
    conversation,
    // The reader of the policy models bash, so bash it is, without any start-up file.
    argv: ['bash', '--noprofile', '--norc', '-c', action.command],
    files: [],
    cwd: '/workspace',
    env: { ...environment },
    image: sandbox.image,
    network: 'none',
    limits: sandboxLimits(sandbox),
    workspaceRevision,
  }),
  actionOf: (plan) => ({ kind: 'shell', command: plan.argv.at(-1) ?? '' }),
  usesWorkspace: true,
};
