import { rulesNaming, type CommandRule, type DenyRules, type Rule } from './deny-rules.ts';
import { decodeEscapes } from './escapes.ts';
import { optionGiven, wordMatches, type Candidate } from './match.ts';
import { findTouched } from './touched.ts';

/** Each is compared with every rule. */
const maxGlobs = 100;

/**
 * Looks for the rules' words, in their order, anywhere in a text that holds code which cannot be read: quotes and expansions are
 * taken out in each way that a shell might, and escapes of other languages are decoded.
 */
export function searchText(text: string, rules: DenyRules, folders: readonly string[]): Rule | null {
  for (const view of viewsOf(text)) {
    const fine = candidates(view, /[\s;&|<>()[\]{},`!=:]+/);
    const rule = searchNames(fine, rules);
    if (rule) return rule;
    if (rules.options.length === 0 && rules.byPath.size === 0) continue;
    const touched = findTouched(candidates(view, /[\s;&|<>()[\]{}`]+/), rules, folders);
    if (touched) return touched;
  }
  return null;
}

function candidates(view: string, separators: RegExp): Candidate[] {
  let globs = 0;
  return view.split(separators).flatMap((text) => {
    if (text === '') return [];
    const glob = text.includes('/') && /[*?]/.test(text) && globs < maxGlobs;
    if (glob) globs += 1;
    return [{ text, glob }];
  });
}

function searchNames(words: readonly Candidate[], rules: DenyRules): Rule | null {
  /** The first place of a name has all that comes after any other. */
  const tried = new Set<CommandRule>();
  for (const [at, word] of words.entries()) {
    for (const entry of rulesNaming(rules, word)) {
      if (tried.has(entry)) continue;
      tried.add(entry);
      if (followsAnywhere(entry, words, at + 1)) return entry.rule;
    }
  }
  return null;
}

function followsAnywhere({ rest }: CommandRule, words: readonly Candidate[], from: number): boolean {
  const needed = new Set(rest.options);
  let met = 0;
  for (let at = from; at < words.length; at++) {
    if (needed.size === 0 && met === rest.positionals.length) return true;
    const word = words[at];
    if (!word) break;
    if (needed.size > 0 && word.text.startsWith('-')) for (const option of needed) if (optionGiven(option, word.text)) needed.delete(option);
    if (met < rest.positionals.length && wordMatches(rest.positionals[met] ?? '', word)) met += 1;
  }
  return needed.size === 0 && met === rest.positionals.length;
}

function viewsOf(text: string): ReadonlySet<string> {
  const expansion = /\$(\{[^{}]{0,200}\}|[A-Za-z_]\w*|[@*#?!-])/g;
  const joined = text.replaceAll('\\\n', '');
  const decoded = text.includes('\\') ? decodeEscapes(joined) : joined;
  return new Set(
    [...new Set([joined, decoded])]
      .flatMap((one) => (/["'\\]/.test(one) ? [one.replace(/["'\\]/g, ''), one.replace(/["'\\]/g, ' ')] : [one]))
      .flatMap((one) => (one.includes('$') ? [one.replace(expansion, ''), one.replace(expansion, ' '), one.replace(/\$\{?HOME\}?/g, '~').replaceAll('$', ' ')] : [one])),
  );
}
