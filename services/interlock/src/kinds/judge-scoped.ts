import type { CompiledPolicy, ShellJudgement } from '../policy/decide.ts';
import { scopedMatches, type Scope, type ScopedPattern } from './scoped-pattern.ts';

export interface ScopedQuestion {
  readonly scope: Scope;
  /** What the rules are compared with; all of it must be covered to be allowed, any of it may be denied. */
  readonly subjects: readonly string[];
  /** Why it asks whatever the allow rules say, or null. */
  readonly always: string | null;
  /** Said where no rule speaks of it. */
  readonly otherwise: string;
}

export const deny = (rule: string | null, reason: string): ShellJudgement => ({ decision: 'deny', rule, reasons: [reason], commands: [], warnings: [] });
export const ask = (reason: string): ShellJudgement => ({ decision: 'ask', rule: null, reasons: [reason], commands: [], warnings: [] });

/**
 * The policy's word on anything that is no shell command: denied by `*` or a rule of its scope, allowed only where rules of its
 * scope cover all of it, else asked about. `*` in the allow list speaks of shell commands alone.
 */
export function judgeScoped(policy: CompiledPolicy, question: ScopedQuestion): ShellJudgement {
  const { scope, subjects } = question;
  if (policy.lockdown) return deny('*', 'Everything is denied: the deny list holds "*" (lockdown).');
  const denying = ruleFor(policy.scoped.deny, scope, subjects, scope === 'write');
  if (denying) return deny(denying.rule.text, `The deny rule "${denying.rule.text}" names ${denying.subject}.`);
  if (policy.allowSuspended !== null) return ask(policy.allowSuspended);
  if (question.always !== null) return ask(question.always);
  const rules = subjects.map((subject) => ruleFor(policy.scoped.allow, scope, [subject])?.rule.text);
  const [first] = rules;
  if (first === undefined || rules.includes(undefined)) return ask(question.otherwise);
  const names = [...new Set(rules)].map((rule) => `"${rule}"`).join(', ');
  return { decision: 'allow', rule: first, reasons: [`Covered by the allow rule ${names}.`], commands: [], warnings: [] };
}

/** The folders above a path, innermost last. */
const foldersOf = (path: string): string[] => path.split('/').slice(0, -1).map((_, index, parts) => parts.slice(0, index + 1).join('/'));

/** With `below`, a rule that names a folder speaks of what is in it as well. */
function ruleFor(rules: readonly ScopedPattern[], scope: Scope, subjects: readonly string[], below = false): { rule: ScopedPattern; subject: string } | undefined {
  for (const rule of rules) {
    if (rule.scope !== scope) continue;
    const subject = subjects.find((one) => scopedMatches(rule, one) || (below && foldersOf(one).some((folder) => scopedMatches(rule, folder))));
    if (subject !== undefined) return { rule, subject };
  }
  return undefined;
}
