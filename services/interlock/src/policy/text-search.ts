import { rulesNaming, type CommandRule, type DenyRules, type Rule } from './deny-rules.ts';
import { decodeEscapes, decodeNumbers } from './escapes.ts';
import { optionGiven, wordMatches, type Candidate } from './match.ts';
import { findTouched } from './touched.ts';

/** Each is compared with every rule. */
const maxGlobs = 100;

/** A word of a text, with its first and its last place. */
interface Token extends Candidate {
  readonly first: number;
  last: number;
}

/**
 * Looks for the rules' words, in their order, anywhere in a text that holds code which cannot be read: quotes and expansions are
 * taken out in each way that a shell might, and escapes of other languages are decoded.
 */
export function searchText(text: string, rules: DenyRules, folders: readonly string[]): Rule | null {
  const looksForPaths = rules.options.length > 0 || rules.byPath.size > 0;
  for (const view of viewsOf(text)) {
    const fine = tokensOf(view, /[\s;&|<>()[\]{},`!=:]+/);
    const rule = searchNames(fine, rules) ?? (looksForPaths ? searchTouched(view, rules, folders) : null);
    if (rule) return rule;
  }
  return null;
}

function searchTouched(view: string, rules: DenyRules, folders: readonly string[]): Rule | null {
  const touched = findTouched(tokensOf(view, /[\s;&|<>()[\]{}`]+/), rules, folders);
  // A bracket may be a list in another language, or a wildcard.
  return touched ?? (view.includes('[') ? findTouched(tokensOf(view, /[\s;&|<>()`]+/), rules, folders) : null);
}

function tokensOf(view: string, separators: RegExp): readonly Token[] {
  const tokens = new Map<string, Token>();
  let globs = 0;
  for (const [place, text] of view.split(separators).entries()) {
    const known = tokens.get(text);
    if (known) known.last = place;
    else if (text !== '') {
      const glob = text.includes('/') && /[*?[]/.test(text) && globs < maxGlobs;
      if (glob) globs += 1;
      tokens.set(text, { text, glob, first: place, last: place });
    }
  }
  return [...tokens.values()];
}

function searchNames(tokens: readonly Token[], rules: DenyRules): Rule | null {
  let options: readonly Token[] | undefined;
  /** The first place of a name has all that comes after any other. */
  const tried = new Set<CommandRule>();
  for (const token of tokens) {
    for (const entry of rulesNaming(rules, token)) {
      if (tried.has(entry)) continue;
      tried.add(entry);
      options ??= tokens.filter(({ text }) => text.startsWith('-'));
      if (followsAnywhere(entry, tokens, options, token.first)) return entry.rule;
    }
  }
  return null;
}

/** Whether the rest of a rule comes after a place: options in any order, words one after the other as far as places tell. */
function followsAnywhere({ rest }: CommandRule, tokens: readonly Token[], options: readonly Token[], from: number): boolean {
  if (!rest.options.every((option) => options.some(({ text, last }) => last > from && optionGiven(option, text)))) return false;
  let place = from;
  for (const wanted of rest.positionals) {
    const met = tokens.filter((token) => token.last > place && wordMatches(wanted, token)).map((token) => Math.max(token.first, place + 1));
    if (met.length === 0) return false;
    place = Math.min(...met);
  }
  return true;
}

function viewsOf(text: string): ReadonlySet<string> {
  const expansion = /\$(\{[^{}]{0,200}\}|[A-Za-z_]\w*|[@*#?!-])/g;
  const joined = text.replaceAll('\\\n', '');
  const readings = new Set([joined]);
  if (text.includes('\\')) {
    // Two languages may each take one layer of escapes away, and letters behind a backslash may be themselves.
    const decoded = decodeEscapes(joined);
    readings.add(decodeNumbers(decodeNumbers(joined).replaceAll('\\\\', '\\'))).add(decoded).add(decodeEscapes(decoded));
  }
  return new Set(
    [...readings]
      .flatMap((one) => (/["'\\]/.test(one) ? [one.replace(/\$?["'\\]+/g, ''), one.replace(/["'\\]+/g, ''), one.replace(/["'\\]+/g, ' ')] : [one]))
      .flatMap((one) => (one.includes('$') ? [one.replace(expansion, ''), one.replace(expansion, ' '), one.replace(/\$\{?HOME\}?/g, '~').replace(/\$\{\w{1,64}:?[-=+?]/g, ' ').replace(/\$+/g, ' ')] : [one])),
  );
}
