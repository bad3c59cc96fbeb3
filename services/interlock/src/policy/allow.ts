import { globMatches, type ParsedPattern } from './pattern.ts';
import { escapeOption } from './options.ts';
import type { PlainWord } from './plain.ts';
import { baseName, interactive, isInterpreter, stateBuiltins, wrappers } from './programs.ts';

export type Coverage = { readonly rule: string } | { readonly rule: null; readonly reason: string };

type Rule = Exclude<ParsedPattern, { kind: 'all' }>;

const binFolders = ['/bin/', '/usr/bin/', '/usr/local/bin/'];

/** The rule that covers the whole plain command, or why none does. */
export function coverCommand(words: readonly PlainWord[], rules: readonly ParsedPattern[]): Coverage {
  let reason = 'No rule allows it.';
  for (const rule of rules) {
    if (rule.kind === 'all') continue;
    const spelled = spelledWords(rule, words);
    if (spelled === null) continue;
    const objection = objectTo(rule, words, spelled);
    if (objection === null) return { rule: rule.text };
    reason = objection;
  }
  return { rule: null, reason };
}

/** How many of the words the rule spells out; null if it is not the beginning of the command. */
function spelledWords(rule: Rule, words: readonly PlainWord[]): number | null {
  const open = rule.tokens.length > 1 && rule.tokens.at(-1) === '*';
  const tokens = open ? rule.tokens.slice(0, -1) : rule.tokens;
  if (words.length < tokens.length || (rule.exact && !open && words.length > tokens.length)) return null;
  const fits = tokens.every((token, index) => {
    const word = words[index];
    // Words that a rule covers must be spelled plainly: quotes inside a name have no honest use.
    if (!word?.bare) return false;
    if (index === 0) return word.text === token || binFolders.some((folder) => word.text === folder + token);
    return word.text === token || (token.includes('*') && globMatches(token, word.text));
  });
  return fits ? tokens.length : null;
}

/** Why a rule that matches still does not allow, or null. */
function objectTo(rule: Rule, words: readonly PlainWord[], spelled: number): string | null {
  const texts = words.map((word) => word.text);
  const name = baseName(texts[0] ?? '');
  const open = texts.slice(spelled);
  const wholly = open.length === 0 && (rule.exact || spelled > 1);
  // A person who spelled out the whole command has seen all of it.
  if (wholly && !rule.tokens.some((token) => token.includes('*'))) return null;
  if (/^--?(version|help)$/.test(open[0] ?? '') && open.length === 1 && !stateBuiltins.has(name)) return null;
  if (isInterpreter(name)) return `"${name}" runs code; a rule for it covers "--version" and what the rule itself spells out.`;
  if (wrappers.has(name)) return `"${name}" starts another program, which a rule for "${name}" does not cover.`;
  if (stateBuiltins.has(name)) return `"${name}" changes the shell or evaluates its arguments; a rule for it does not cover that.`;
  if (interactive.has(name)) return `"${name}" can start other programs; a rule for it does not cover that.`;
  return escapeOption(texts.slice(0, spelled), open);
}
