import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import type { PolicyView } from '@megabot/contracts/policy.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { asCode } from '../display.ts';
import { errorTable } from '../error-table.ts';
import { explainPolicyFailure } from './policy.ts';

type Row =
  | { readonly list: 'deny' | 'allow'; readonly pattern: string }
  | { readonly list: 'grant'; readonly id: string; readonly command: string; readonly until: number };

export interface PolicyListCommands {
  /** `!policies`, and `!policies remove <n>`. @throws ServiceError where repeating may succeed, and `not_entitled` */
  carryOut(argument: string, actor: Actor): Promise<string>;
}

const remembered = 1_000;

/**
 * The rules with their numbers. A number means what it meant when it was last shown to the same person: where the lists have
 * changed since, they are shown anew and nothing is removed.
 */
export function createPolicyListCommands(bus: Bus): PolicyListCommands {
  const shownTo = new Map<string, string>();

  const show = (policy: PolicyView, actor: Actor): string => {
    shownTo.delete(actor.principal);
    shownTo.set(actor.principal, fingerprint(policy));
    for (const oldest of shownTo.keys()) {
      if (shownTo.size <= remembered) break;
      shownTo.delete(oldest);
    }
    return describe(policy);
  };

  const take = async (row: Row, actor: Actor): Promise<string> => {
    if (row.list === 'grant') {
      const policy = await bus.call(interlock.grantRevoke, { id: row.id, actor });
      return `${asCode(row.command)} asks again in its conversation.\n\n${show(policy, actor)}`;
    }
    const { policy, changed } = await bus.call(interlock.policyEdit, { actor, edit: { op: 'remove', list: row.list, pattern: row.pattern } });
    return `${asCode(row.pattern)} ${changed ? 'is no longer on' : 'was not on'} the ${row.list} list.${changed ? ' `!undo` takes it back.' : ''}\n\n${show(policy, actor)}`;
  };

  return {
    async carryOut(argument, actor) {
      const policy = await bus.call(interlock.policyGet, {});
      if (argument === '') return show(policy, actor);
      const number = /^(?:remove|rm|delete)[ \t]+#?(\d{1,4})$/i.exec(argument)?.[1];
      if (number === undefined) return 'Say `!policies` to see the rules, or `!policies remove <n>` with the number of one. Nothing was changed.';
      if (shownTo.get(actor.principal) !== fingerprint(policy)) return `The numbers may have changed since you saw them, so nothing was removed. They are now:\n\n${show(policy, actor)}`;
      const row = rowsOf(policy)[Number(number) - 1];
      if (!row) return `There is no rule ${number}. Nothing was changed.\n\n${show(policy, actor)}`;
      try {
        return await take(row, actor);
      } catch (error) {
        if (isServiceError(error, 'not_found')) return `It is gone already. Nothing was changed.`;
        return explainPolicyFailure(error, 'The policy');
      }
    },
  };
}

const rowsOf = (policy: PolicyView): readonly Row[] => [
  ...policy.deny.map((pattern) => ({ list: 'deny' as const, pattern })),
  ...policy.allow.map((pattern) => ({ list: 'allow' as const, pattern })),
  ...(policy.grants ?? []).map(({ id, command, expiresAt }) => ({ list: 'grant' as const, id, command, until: expiresAt })),
];
const fingerprint = (policy: PolicyView): string => JSON.stringify(rowsOf(policy));

function describe(policy: PolicyView): string {
  const rows = rowsOf(policy).map((row, index) => ({ row, text: `${index + 1}. ${row.list === 'grant' ? `${asCode(row.command.slice(0, 200))}, until ${new Date(row.until).toISOString().slice(0, 16).replace('T', ' ')} UTC` : asCode(row.pattern)}` }));
  const section = (list: Row['list'], title: string, none: string | null): string[] => {
    const lines = rows.filter(({ row }) => row.list === list).map(({ text }) => text);
    if (lines.length === 0) return none === null ? [] : [`${title} ${none}`, ''];
    return [title, '', ...lines, ''];
  };
  return [
    ...(policy.lockdown ? [`**Lockdown**: nothing runs. ${errorTable.lockdown.hint}`, ''] : []),
    ...section('deny', 'Denied:', 'nothing.'),
    ...section('allow', 'Allowed without asking:', 'nothing.'),
    ...section('grant', 'Allowed for one conversation:', null),
    `Everything else asks.${policy.matching === 'contains' ? ' Rules are compared as plain text (`matching: contains`): a word anywhere in a line counts, also inside another word.' : ''} \`!policies remove <n>\` takes one out.`,
    ...(policy.warnings.length === 0 ? [] : ['', ...policy.warnings.map((warning) => `- ${warning}`)]),
  ].join('\n');
}
