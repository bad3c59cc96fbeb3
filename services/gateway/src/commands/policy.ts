import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { Pattern, type PolicyView } from '@megabot/contracts/policy.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { asCode, showInvisible } from '../display.ts';
import { errorTable } from '../error-table.ts';
import type { ApprovalCommands } from './approvals.ts';

export interface PolicyCommands {
  /** @throws ServiceError where repeating may succeed, and `not_entitled` */
  add(list: 'allow' | 'deny', argument: string, actor: Actor): Promise<string>;
  lockdown(actor: Actor): Promise<string>;
  /** `request` names the message: the same one again undoes nothing more. */
  undo(argument: string, actor: Actor, request: string): Promise<string>;
}

const danger = [
  '**Danger: every shell command now runs without asking**, whatever the model, a web page or a file talked it into.',
  'Deny rules still hold, commands with suspicious characters still ask, and each run is warned about and recorded.',
  'To end it: `!undo`, or `!policies` and `!policies remove <n>`; `!deny *` stops everything at once.',
].join(' ');

const stopped = `Everything pending is cancelled, what ran is stopped, and nothing runs. Talking, memory and \`!policies\` still work. ${errorTable.lockdown.hint}`;

/** What a change of the policy failed of, in words; other failures are thrown on. */
export function explainPolicyFailure(error: unknown, what: string): string {
  if (isServiceError(error, 'policy_invalid', 'policy_conflict')) return `${what} was not changed: ${error.message}${error.hint ? ` ${error.hint}` : ''}`;
  throw error;
}

/** `!allow`, `!deny`, `!lockdown` and `!undo`. */
export function createPolicyCommands(bus: Bus, approvals: ApprovalCommands): PolicyCommands {
  const edit = async (list: 'allow' | 'deny', pattern: string, actor: Actor): Promise<string> => {
    const { policy, changed } = await bus.call(interlock.policyEdit, { actor, edit: { op: 'add', list, pattern } });
    const done = changed ? 'is now on' : 'was already on';
    if (pattern === '*' && list === 'allow') return `\`*\` ${done} the allow list. ${danger}`;
    if (pattern === '*') return `Lockdown: \`*\` ${done} the deny list. ${stopped}`;
    const undo = changed ? ' `!undo` takes it back.' : '';
    const locked = list === 'allow' && policy.lockdown ? ' A lockdown is in force, so nothing runs all the same.' : '';
    return `${asCode(pattern)} ${done} the ${list} list.${undo}${locked}${listed(policy.warnings)}`;
  };

  /** What the pattern would have covered of what was asked for lately: read before it is believed. */
  const preview = async (pattern: string): Promise<string> => {
    const { looked, matches } = await bus.call(interlock.policyPreview, { list: 'allow', pattern });
    if (looked === 0) return 'No commands were asked for lately, so there is nothing to compare it with.';
    const lately = looked === 1 ? 'Of the one command asked for lately' : `Of the ${looked} different commands asked for lately`;
    if (matches.length === 0) return `${lately} it covers none.`;
    const shown = matches.slice(0, 10).map(({ command, times }) => `- ${asCode(command.slice(0, 200))}${times > 1 ? ` (${times} times)` : ''}`);
    const more = matches.length > shown.length ? [`- and ${matches.length - shown.length} more`] : [];
    return [`${lately} it would have let these run without asking:`, '', ...shown, ...more].join('\n');
  };

  /** A person who wants to turn an approval down easily types `!deny <id>`; as a rule it would do nothing of the kind. */
  const meantApproval = async (argument: string): Promise<string | null> => {
    const meant = await approvals.pendingLike(argument);
    if (meant.length === 0) return null;
    return [
      `${asCode(argument)} is how the id of something that waits begins: ${meant.map((approval) => `\`${approval.shortId}\` ${asCode(approval.command.slice(0, 200))}`).join('; ')}.`,
      `To turn it down: \`!reject ${meant.length === 1 ? meant[0]?.shortId : '<id>'}\`. To forbid a command of that name, decide this first, then say it again. Nothing was changed.`,
    ].join(' ');
  };

  return {
    async add(list, argument, actor) {
      if (argument === '') return `Say which commands: \`!${list} <pattern>\`, for instance \`!${list} git status\`.`;
      const pattern = Pattern.safeParse(argument);
      if (!pattern.success) return 'A pattern has at most 1,024 characters. Nothing was changed.';
      try {
        const asked = list === 'deny' && actor.channel !== 'bridge' ? await meantApproval(argument) : null;
        if (asked !== null) return asked;
        const before = list === 'allow' && actor.channel !== 'bridge' && pattern.data !== '*' ? `${await preview(pattern.data)}\n\n` : '';
        return before + (await edit(list, pattern.data, actor));
      } catch (error) {
        return explainPolicyFailure(error, `The ${list} list`);
      }
    },
    async lockdown(actor) {
      return await edit('deny', '*', actor).catch((error: unknown) => explainPolicyFailure(error, 'The deny list'));
    },
    async undo(argument, actor, request) {
      const to = argument === '' ? undefined : Number(argument);
      if (to !== undefined && (!Number.isSafeInteger(to) || to <= 0)) return `${asCode(argument)} is no number of a version: \`!undo\`, or \`!undo <version>\` with a number from the Policy page. Nothing was changed.`;
      try {
        const { policy, restored, repeated } = await bus.call(interlock.policyUndo, { actor, request, ...(to === undefined ? {} : { to }) });
        if (repeated) return `This was carried out before: version ${restored.id} was put back. \`!undo\` in a new message takes it back.\n\n${summary(policy)}`;
        return `The policy is again what it was as version ${restored.id}, ${restored.by === 'by hand' ? 'made by hand' : `made by ${showInvisible(restored.by)}`}: ${asCode(restored.summary)}. \`!undo\` takes this back too.\n\n${summary(policy)}`;
      } catch (error) {
        if (isServiceError(error, 'not_found')) return `${error.message} ${error.hint ?? ''} Nothing was changed.`;
        return explainPolicyFailure(error, 'The policy');
      }
    },
  };
}

const listed = (warnings: readonly string[]): string => (warnings.length > 0 ? `\n\n${warnings.map((warning) => `- ${warning}`).join('\n')}` : '');
const summary = ({ deny, allow, warnings }: PolicyView): string => {
  const list = (patterns: readonly string[]): string => (patterns.length === 0 ? 'nothing' : patterns.map((pattern) => asCode(pattern)).join(', '));
  return `- Denied: ${list(deny)}\n- Allowed without asking: ${list(allow)}${listed(warnings)}`;
};
