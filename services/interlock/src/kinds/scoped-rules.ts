import type { Policy } from '@megabot/contracts/policy.ts';
import { parseScopedPattern, type ScopedPattern } from './scoped-pattern.ts';

/** The scoped rules of a policy. */
export interface ScopedRules {
  readonly allow: readonly ScopedPattern[];
  readonly deny: readonly ScopedPattern[];
}

type Lists = Pick<Policy, 'allow' | 'deny'>;

/**
 * Takes the scoped entries out of both lists; `others` are for the reader of command patterns. An allow entry that cannot be used
 * is ignored, which `problems` says.
 * @throws RangeError naming a deny entry that cannot be read: a rule that is not understood must not be lost
 */
export function readScoped(policy: Lists): { scoped: ScopedRules; others: Lists; problems: string[] } {
  const problems: string[] = [];
  const scoped = { allow: [] as ScopedPattern[], deny: [] as ScopedPattern[] };
  const others = { allow: [] as string[], deny: [] as string[] };
  for (const list of ['allow', 'deny'] as const) {
    for (const entry of policy[list]) {
      const reading = parseScopedPattern(entry);
      const problem = reading === null ? null : reading.ok ? (list === 'allow' ? reading.pattern.denyOnly : null) : reading.problem;
      if (reading === null) others[list].push(entry);
      else if (reading.ok && problem === null) scoped[list].push(reading.pattern);
      else if (list === 'deny') throw new RangeError(`The deny entry ${JSON.stringify(entry)} cannot be used. ${problem}`);
      else problems.push(`The allow entry ${JSON.stringify(entry)} is ignored. ${problem}`);
    }
  }
  return { scoped, others, problems };
}
