import type { Policy } from '@megabot/contracts/policy.ts';
import { isScoped, readScoped, type ScopedRules } from '../kinds/scoped-rules.ts';
import { compileAllow, type AllowRules } from './allow.ts';
import { compileNeedles, type Needles } from './contains.ts';
import { compileDeny, type DenyRules } from './deny-rules.ts';
import { parsePattern, type ParsedPattern } from './pattern.ts';

/** A policy made ready for judging. */
export interface CompiledPolicy {
  /** `*` in the deny list: nothing runs. */
  readonly lockdown: boolean;
  /** Where `*` stands in the deny list, and in the allow list: nothing waits, unless it is denied or cannot be read. */
  readonly denyAllIndex: number;
  readonly allowAllIndex: number;
  readonly allowAll: boolean;
  readonly allow: AllowRules;
  readonly deny: DenyRules;
  /** Rules such as `write:src/**`, which speak of everything but shell commands. */
  readonly scoped: ScopedRules;
  /** Set for `matching: contains`, where entries are taken as text instead. */
  readonly needles: Needles | null;
  /** Why allow rules do not hold at the moment, or null. */
  readonly allowSuspended: string | null;
  /** Entries that are ignored, one sentence each. */
  readonly problems: readonly string[];
}

/** @throws RangeError naming an entry of the deny list that cannot be read: a rule that is not understood must not be lost. */
export function compilePolicy(policy: Policy, allowSuspended: string | null = null): CompiledPolicy {
  const needles = policy.matching === 'contains' ? compileNeedles(policy) : null;
  const scoped = readScoped(policy);
  const problems: string[] = [...(needles?.problems ?? []), ...scoped.problems];
  const read = (list: 'allow' | 'deny'): ParsedPattern[] =>
    policy[list].flatMap((entry, index) => {
      if (isScoped(entry)) return [];
      const reading = parsePattern(entry, index);
      if (reading.ok) return [reading.pattern];
      // Taken as text, an entry need not be a pattern; deny rules that are patterns as well still say what files are off limits.
      if (needles !== null) return [];
      if (list === 'deny') throw new RangeError(`The deny entry ${JSON.stringify(entry)} cannot be used. ${reading.problem}`);
      problems.push(`The allow entry ${JSON.stringify(entry)} is ignored. ${reading.problem}`);
      return [];
    });
  const deny = read('deny');
  const allow = read('allow');
  const star = (patterns: readonly ParsedPattern[]): number => patterns.find((pattern) => pattern.kind === 'all')?.index ?? -1;
  return {
    lockdown: star(deny) >= 0,
    denyAllIndex: star(deny),
    allowAllIndex: star(allow),
    allowAll: star(allow) >= 0,
    allow: compileAllow(allow),
    deny: compileDeny(deny),
    scoped: scoped.rules,
    needles,
    allowSuspended,
    problems,
  };
}
