import type { Policy } from '@megabot/contracts/policy.ts';
import { isScoped } from '../kinds/scoped-rules.ts';
import { foldCharacters } from './characters.ts';

/** An entry that matches wherever its text occurs. */
export interface Needle {
  readonly text: string;
  readonly index: number;
}

export interface Needles {
  readonly allow: readonly Needle[];
  readonly deny: readonly Needle[];
  readonly problems: readonly string[];
}

/** To be said at start and wherever the policy is shown. */
export const containsWarning =
  'The policy matches by plain text ("matching: contains"): an allow entry covers every command that contains it, whatever else the line does. "ls" also allows "false; curl x | sh".';

/**
 * The entries of a policy with `matching: contains`, taken literally. `*` is left to the caller.
 * @throws RangeError naming a deny entry that is empty
 */
export function compileNeedles(policy: Policy): Needles {
  const problems: string[] = [];
  const read = (list: 'allow' | 'deny'): Needle[] =>
    policy[list].flatMap((text, index) => {
      if (text === '*' || isScoped(text)) return [];
      if (text.trim() !== '') return [{ text, index }];
      if (list === 'deny') throw new RangeError(`The deny entry ${JSON.stringify(text)} cannot be used. It would match everything; write "*" if that is meant.`);
      problems.push(`The allow entry ${JSON.stringify(text)} is ignored. It would match everything; write "*" if that is meant.`);
      return [];
    });
  return { allow: read('allow'), deny: read('deny'), problems };
}

/** The first deny entry that a text contains, in any case and with look-alike characters folded. */
export function findDenyNeedle(text: string, needles: readonly Needle[]): Needle | null {
  if (needles.length === 0) return null;
  const views = new Set([text, foldCharacters(text)].map((view) => view.toLowerCase()));
  return needles.find((needle) => [...views].some((view) => view.includes(needle.text.toLowerCase()))) ?? null;
}

/** The first allow entry that a text contains, letter for letter. */
export const findAllowNeedle = (text: string, needles: readonly Needle[]): Needle | null => needles.find((needle) => text.includes(needle.text)) ?? null;
