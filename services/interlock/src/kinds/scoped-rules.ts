import type { Policy } from '@megabot/contracts/policy.ts';
import { parseScopedPattern, type ScopedPattern } from './scoped-pattern.ts';

/** The scoped rules of a policy. */
export interface ScopedRules {
  readonly allow: readonly ScopedPattern[];
  readonly deny: readonly ScopedPattern[];
}

/** Whether an entry of the policy begins with a scope: then it is no pattern of commands. */
export const isScoped = (entry: string): boolean => parseScopedPattern(entry) !== null;

/**
 * The scoped entries of both lists. An allow entry that cannot be used is ignored, which `problems` says.
 * @throws RangeError naming a deny entry that cannot be read: a rule that is not understood must not be lost
 */
export function readScoped(policy: Pick<Policy, 'allow' | 'deny'>): { rules: ScopedRules; problems: string[] } {
  const problems: string[] = [];
  const rules = { allow: [] as ScopedPattern[], deny: [] as ScopedPattern[] };
  for (const list of ['allow', 'deny'] as const) {
    for (const entry of policy[list]) {
      const reading = parseScopedPattern(entry);
      if (reading === null) continue;
      const problem = reading.ok ? (list === 'allow' ? reading.pattern.denyOnly : null) : reading.problem;
      if (reading.ok && problem === null) rules[list].push(reading.pattern);
      else if (list === 'deny') throw new RangeError(`The deny entry ${JSON.stringify(entry)} cannot be used. ${problem}`);
      else problems.push(`The allow entry ${JSON.stringify(entry)} is ignored. ${problem}`);
    }
  }
  return { rules, problems };
}
