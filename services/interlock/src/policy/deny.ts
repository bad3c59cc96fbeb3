import { foldCharacters } from './characters.ts';
import { rulesNaming, type DenyRules, type Rule } from './deny-rules.ts';
import { restMatches } from './match.ts';
import { foldersOf } from './paths.ts';
import { findStarted, type Started, type Startings } from './started.ts';
import { searchText } from './text-search.ts';
import { findTouched } from './touched.ts';
import { readTree } from './tree-reader.ts';

export interface DenyHit {
  readonly rule: Rule;
  readonly reason: string;
  /** Which of the commands it is about, or null if about the text as a whole. */
  readonly started: Started | null;
}

/** What looking for denied things came to: a hit, or sentences about rules that may apply, which only a person can tell. */
export interface DenySearch {
  readonly hit: DenyHit | null;
  readonly doubts: readonly string[];
}

const none: DenySearch = { hit: null, doubts: [] };

/**
 * Looks broadly for anything that a deny rule names: in every command that the text starts and, where code may hide from the
 * reader, anywhere in the unquoted text. There is no limit of work after which it stops looking.
 */
export function findDenied(command: string, startings: Startings, rules: DenyRules): DenySearch {
  if (rules.empty) return none;
  const search = findIn(command, startings, rules);
  if (search.hit) return search;
  const folded = foldCharacters(command);
  if (folded === command) return search;
  const second = findIn(folded, findStarted(readTree(folded)), rules);
  return { hit: second.hit && { ...second.hit, started: null }, doubts: [...search.doubts, ...second.doubts] };
}

function findIn(text: string, { started, opaque }: Startings, rules: DenyRules): DenySearch {
  const doubts: string[] = [];
  const folders = rules.byPath.size > 0 ? foldersOf(started.map((one) => one.words)) : [];
  for (const one of started) {
    const named = findNamed(one, rules, doubts);
    if (named) return { hit: hit(named, one.via === null ? 'is what this runs' : `is what ${one.via} starts`, one), doubts };
    const touched = one.inside ? null : findTouched([...one.words, ...one.targets], rules, folders);
    if (touched) return { hit: hit(touched, 'names something that this touches', one), doubts };
  }
  if (opaque.length === 0) return { hit: null, doubts };
  const anywhere = searchText(text, rules, folders);
  return { hit: anywhere && hit(anywhere, 'occurs in code that cannot be read as plain commands', null), doubts };
}

function findNamed({ words, loose }: Started, rules: DenyRules, doubts: string[]): Rule | null {
  const last = loose ? words.length : Math.min(1, words.length);
  let tried = 0;
  for (let at = 0; at < last; at++) {
    const word = words[at];
    if (!word) break;
    for (const { rule, rest } of rulesNaming(rules, word)) {
      tried += 1;
      // A precise look at each of very many places would take time in their product; then the name alone stands for all.
      if (tried > 500 || restMatches(rest, words, at)) return rule;
      if (words.some((other, index) => index > at && other.dynamic)) doubts.push(`Whether the deny rule "${rule.text}" applies is only known when it runs.`);
    }
  }
  return null;
}

const hit = (rule: Rule, how: string, started: Started | null): DenyHit => ({ rule, reason: `The deny rule "${rule.text}" ${how}.`, started });
