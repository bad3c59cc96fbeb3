import type { Action } from '@megabot/contracts/action.ts';
import { deny } from './kinds/judge-scoped.ts';
import { rulesOf } from './kinds/table.ts';
import type { InForce } from './configuration/state.ts';
import type { ShellJudgement } from './policy/decide.ts';
import { jsonBytes } from './reply-size.ts';

/** What is shown to a person has to fit into a message to every client, encrypted and encoded, with the rest of the approval. */
const maxActionBytes = 512 * 1024;

/** Judges an action of any kind, by the rules of its kind. */
export function judgeAction(action: Action, { compiled, settings }: Pick<InForce, 'compiled' | 'settings'>): ShellJudgement {
  // A command is read by the policy itself, which says more about it.
  if (action.kind !== 'shell' || action.stdin !== undefined) {
    // PostgreSQL can hold neither; what has such a character could not be shown to a person exactly as it is.
    if (!everyText(action, (text) => text.isWellFormed() && !text.includes('\0'))) return deny(null, 'It holds a character that is not text.');
    if (jsonBytes(action) > maxActionBytes) return deny(null, 'It is larger than 512 KiB, more than a person can look at at once. Propose less at a time.');
  }
  if (action.kind === 'shell' && action.network !== undefined && settings.sandbox.network === 'off') {
    return deny(null, 'Commands get no network here: sandbox.network is off in config/meta-config.yaml. The owner can set it to ask.');
  }
  const rules = rulesOf(action);
  const judgement = rules.judge(action, compiled);
  const barred = judgement.decision === 'deny' ? null : (rules.barred?.(action, settings) ?? null);
  return barred === null ? judgement : deny(null, barred);
}

/** Whether something holds for every text in a value, names of fields included. */
function everyText(value: unknown, holds: (text: string) => boolean): boolean {
  if (typeof value === 'string') return holds(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, inner]) => holds(name) && everyText(inner, holds));
}
