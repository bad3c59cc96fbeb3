import type { JudgedPart, Verdict } from '@megabot/contracts/policy.ts';
import { coverCommand, type AllowRule, type AllowRules } from './allow.ts';
import type { DenyHit } from './deny.ts';
import type { Started } from './started.ts';

export type PartRule = NonNullable<JudgedPart['rule']>;

const maxShown = 50;

export const ruleOf = (list: 'allow' | 'deny', rule: { readonly text: string; readonly index: number }): PartRule => ({ list, pattern: rule.text, index: rule.index });

const partOf = (started: Started, verdict: Verdict, rule: PartRule | null, reason: string): JudgedPart => ({
  words: started.words.map((word) => word.text),
  start: started.start,
  end: started.end,
  verdict,
  rule,
  reason,
});

/** What the rules say about each command that a line starts, the denied one always among those shown. */
export function judgeParts(started: readonly Started[], allow: AllowRules, hit: DenyHit | null): JudgedPart[] {
  const shown = started.slice(0, maxShown);
  if (hit?.started && !shown.includes(hit.started)) shown[maxShown - 1] = hit.started;
  return shown.map((one) => {
    if (hit && one === hit.started) return partOf(one, 'deny', ruleOf('deny', hit.rule), hit.reason);
    const coverage = coverStarted(one, allow);
    if (coverage.rule !== null) return partOf(one, 'allow', ruleOf('allow', coverage.rule), `The allow rule "${coverage.rule.text}" covers it.`);
    return partOf(one, 'ask', null, coverage.reason);
  });
}

/** Parts that share one verdict, where the text is not judged part by part. */
export const partsAlike = (started: readonly Started[], verdict: Verdict, rule: PartRule | null, reason: string): JudgedPart[] =>
  started.slice(0, maxShown).map((one) => partOf(one, verdict, rule, reason));

function coverStarted(started: Started, allow: AllowRules): { readonly rule: AllowRule } | { readonly rule: null; readonly reason: string } {
  const no = (reason: string) => ({ rule: null, reason });
  if (started.words.length === 0) return no(started.targets.length > 0 ? 'It redirects without a command.' : 'It sets a variable.');
  const unknown = started.words.find((word) => word.dynamic);
  if (unknown) return no(unknown === started.words[0] ? 'Its name is only known when it runs.' : 'A value in it is only known when it runs.');
  return coverCommand(started.words, allow);
}
