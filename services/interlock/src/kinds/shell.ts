import { createHash } from 'node:crypto';
import type { ActionOf } from '@megabot/contracts/action.ts';
import { describeNetwork } from '@megabot/contracts/network.ts';
import { commandWarnings } from '../policy/card-warnings.ts';
import { judge, type ShellJudgement } from '../policy/decide.ts';
import { shellRisk } from '../risk.ts';
import { sandboxLimits } from './limits.ts';
import type { KindRules } from './rules.ts';

/** What every run sees, and nothing of the host. */
export const environment: Readonly<Record<string, string>> = {
  HOME: '/home/agent',
  LANG: 'C.UTF-8',
  PATH: '/usr/local/bin:/usr/bin:/bin',
  TERM: 'dumb',
  TMPDIR: '/tmp',
  USER: 'agent',
};

type Shell = ActionOf<'shell'>;

export const shell: KindRules<'shell'> = {
  judge: (action, policy) => withSurroundings(action, judge(action.command, policy)),
  risk: (action) => {
    if (action.network === 'internet') return 'high';
    const risk = shellRisk(action.command);
    return risk === 'low' && (action.network !== undefined || action.stdin !== undefined) ? 'medium' : risk;
  },
  display: (action) => action.command,
  summary: (action) => [action.command, ...surroundings(action)].join('\n'),
  plan: (action, { sandbox, conversation, workspaceRevision }, { script }) => ({
    kind: 'shell',
    conversation,
    // The reader of the policy models bash, so bash it is, without any start-up file. What a rule let through runs as it was read.
    argv: ['bash', '--noprofile', '--norc', '-c', script ?? action.command],
    ...(script === undefined ? {} : { command: action.command }),
    files: [],
    cwd: '/workspace',
    env: { ...environment },
    image: sandbox.image,
    network: action.network ?? 'none',
    ...(action.stdin === undefined ? {} : { stdin: action.stdin }),
    limits: sandboxLimits(sandbox),
    workspaceRevision,
  }),
  actionOf: (plan) => ({
    kind: 'shell',
    command: plan.command ?? plan.argv.at(-1) ?? '',
    ...(plan.network === 'none' ? {} : { network: plan.network }),
    ...(plan.stdin === undefined ? {} : { stdin: plan.stdin }),
  }),
  usesWorkspace: true,
  warnings: (action) => commandWarnings(action.command),
};

/**
 * Rules say what a command may do by its words. What it may reach, and what a program is told on its standard input, are not in
 * its words, so no rule covers them: a person looks.
 */
function withSurroundings(action: Shell, judgement: ShellJudgement): ShellJudgement {
  const asked = surroundings(action);
  if (asked.length === 0 || judgement.decision === 'deny') return judgement;
  const { canonicalScript: _, ...rest } = judgement;
  const reasons = [...(judgement.decision === 'ask' ? judgement.reasons : []), ...asked, 'No rule gives these; a person has to.'];
  return { ...rest, decision: 'ask', rule: null, warnings: [], reasons };
}

/** What a command asks for besides being run, in sentences. */
function surroundings({ network, stdin }: Shell): string[] {
  return [
    ...(network === undefined ? [] : [`It asks for network: ${describeNetwork(network)}.`]),
    ...(stdin === undefined ? [] : [`It is given ${Buffer.byteLength(stdin)} bytes on standard input (SHA-256 ${createHash('sha256').update(stdin).digest('hex')}).`]),
  ];
}
