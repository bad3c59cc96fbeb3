import type { DenyRules, Rule } from './deny-rules.ts';
import { abbreviates, optionGiven, type Candidate } from './match.ts';
import { deniedPath, globReaches, pathsIn, resolvePaths } from './paths.ts';

/** The first rule about options or paths that one of the words falls under. */
export function findTouched(words: readonly Candidate[], rules: DenyRules, folders: readonly string[]): Rule | null {
  if (rules.byPath.size > 0 && words.length > 0) {
    for (const folder of folders) {
      const around = deniedPath(folder, rules.byPath);
      if (around) return around;
    }
  }
  for (const word of words) {
    if (word.text.startsWith('-')) {
      const option = rules.options.find((rule) => givesOption(rule, word.text));
      if (option) return option;
    }
    const path = rules.byPath.size === 0 ? null : findPath(word, rules, folders);
    if (path) return path;
  }
  return null;
}

function givesOption(rule: Rule, word: string): boolean {
  const [wanted = ''] = rule.tokens;
  // A short option that means the same depends on the program: "-f" is "--file" as often as "--force".
  if (wanted.startsWith('--')) return abbreviates(word, wanted);
  return word === wanted || (!word.startsWith('--') && Array.from(wanted.slice(1)).every((letter) => optionGiven(letter, word)));
}

function findPath(word: Candidate, rules: DenyRules, folders: readonly string[]): Rule | null {
  // A plain name in a folder that is not denied itself can only be what a denied path ends in.
  if (!word.glob && !/[/~=@:,.-]/.test(word.text) && !rules.ends.has(word.text)) return null;
  for (const part of pathsIn(word.text)) {
    if (part.length > 4_096) continue;
    for (const path of resolvePaths(part, folders)) {
      const rule = deniedPath(path, rules.byPath);
      if (rule) return rule;
      if (word.glob) for (const [denied, rule] of rules.byPath) if (globReaches(path, denied)) return rule;
    }
  }
  return null;
}
