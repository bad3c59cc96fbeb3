import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { Pattern, type PolicyView } from '@megabot/contracts/policy.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { asCode } from '../display.ts';
import { errorTable } from '../error-table.ts';
import type { ApprovalCommands } from './approvals.ts';

export interface PolicyCommands {
  add(list: 'allow' | 'deny', argument: string, actor: Actor): Promise<string>;
  show(): Promise<string>;
}

const danger = [
  '**Danger: every shell command now runs without asking**, whatever the model, a web page or a file talked it into.',
  'Deny rules still hold, commands with suspicious characters still ask, and each run is warned about and recorded.',
  'To end it, remove `*` from the allow list (Policy page, `PUT /api/v1/policy`, or `config/meta-config.yaml`); `!deny *` stops everything at once.',
].join(' ');

/** `!allow`, `!deny` and `!policies`. */
export function createPolicyCommands(bus: Bus, approvals: ApprovalCommands): PolicyCommands {
  const edit = async (list: 'allow' | 'deny', pattern: string, actor: Actor): Promise<string> => {
    const { policy, changed } = await bus.call(interlock.policyEdit, { actor, edit: { op: 'add', list, pattern } });
    const done = changed ? 'is now on' : 'was already on';
    const warnings = policy.warnings.length > 0 ? `\n\n${policy.warnings.map((warning) => `- ${warning}`).join('\n')}` : '';
    if (pattern === '*' && list === 'allow') return `\`*\` ${done} the allow list. ${danger}`;
    if (pattern === '*') return `Lockdown: \`*\` ${done} the deny list. Everything pending is cancelled, what ran is stopped, and nothing runs. ${errorTable.lockdown.hint}`;
    return `${asCode(pattern)} ${done} the ${list} list.${warnings}`;
  };

  return {
    async add(list, argument, actor) {
      if (argument === '') return `Say which commands: \`!${list} <pattern>\`, for instance \`!${list} git status\`.`;
      const pattern = Pattern.safeParse(argument);
      if (!pattern.success) return 'A pattern has at most 1,024 characters. Nothing was changed.';
      if (list === 'deny') {
        // A person who wants to turn an approval down easily types this; as a rule it would do nothing of the kind.
        const meant = await approvals.pendingLike(argument);
        if (meant.length > 0) {
          return [
            `${asCode(argument)} is how the id of something that waits begins: ${meant.map((approval) => `\`${approval.shortId}\` ${asCode(approval.command.slice(0, 200))}`).join('; ')}.`,
            `To turn it down: \`!reject ${meant.length === 1 ? meant[0]?.shortId : '<id>'}\`. To forbid a command of that name, decide this first, then say it again. Nothing was changed.`,
          ].join(' ');
        }
      }
      try {
        return await edit(list, pattern.data, actor);
      } catch (error) {
        if (isServiceError(error, 'policy_invalid')) return `The ${list} list was not changed: ${error.message}${error.hint ? ` ${error.hint}` : ''}`;
        if (isServiceError(error, 'policy_conflict')) return 'The policy was being changed by somebody else. Nothing was changed; say it again.';
        if (isServiceError(error, 'not_entitled')) return `You may not change the policy. ${errorTable.not_entitled.hint}`;
        throw error;
      }
    },
    async show() {
      return describePolicy(await bus.call(interlock.policyGet, {}));
    },
  };
}

function describePolicy(policy: PolicyView): string {
  const list = (patterns: readonly string[]): string => (patterns.length === 0 ? 'nothing' : patterns.map((pattern) => asCode(pattern)).join(', '));
  return [
    ...(policy.lockdown ? [`**Lockdown**: nothing runs. ${errorTable.lockdown.hint}`, ''] : []),
    `- Denied: ${list(policy.deny)}`,
    `- Allowed without asking: ${list(policy.allow)}`,
    '- Everything else asks.',
    ...policy.warnings.map((warning) => `- ${warning}`),
  ].join('\n');
}
