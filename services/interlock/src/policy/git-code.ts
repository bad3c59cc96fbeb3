import { script, valuesOf, type Code } from './code-values.ts';
import type { Word } from './word.ts';

const startingKey = /^(alias\..*|.*(pager|editor|cmd|command|fsmonitor|external|textconv|helper|program|askpass|driver|gitproxy|clean|smudge|process|uploadpack|receivepack|hookspath).*)$/i;

/** The programs that a call of git starts: aliases, helpers, and what its subcommands are told to run. */
export function gitCode(words: readonly Word[]): Code[] {
  const found: Code[] = [];
  for (const { word, text } of valuesOf(words, /^(-c|--config-env)()/)) {
    const at = text.indexOf('=');
    if (at > 0 && startingKey.test(text.slice(0, at))) found.push(gitValue(word, text.slice(0, at), text.slice(at + 1)));
  }
  for (const { word, text } of valuesOf(words, /^(--upload-pack|--receive-pack|--exec|--open-files-in-pager)(=?)/)) found.push(script(word, text));
  if (words.some((word) => word.text === 'clone' || word.text === 'grep')) for (const { word, text } of valuesOf(words, /^(-u|-O)()/)) if (/\s/.test(text)) found.push(script(word, text));
  for (const word of words) if (word.text.startsWith('ext::')) found.push(script(word, word.text.slice(5).replaceAll('%', ' ')));
  const verb = words.findIndex((word, at) => at > 0 && /^(config|rebase|bisect|submodule|filter-branch|difftool|mergetool|grep)$/.test(word.text));
  const name = words[verb]?.text ?? '';
  const rest = words.slice(verb + 1);
  const after = (verbs: RegExp): number => words.findIndex((word, at) => at > verb && verbs.test(word.text));
  if (name === 'config') {
    const key = after(/\./);
    const value = words[key + 1];
    if (key > 0 && value && startingKey.test(words[key]?.text ?? '')) found.push(gitValue(value, words[key]?.text ?? '', value.text));
  } else if (name === 'rebase') found.push(...valuesOf(rest, /^(-x|--exec)(=?)/).map(({ word, text }) => script(word, text)), ...firstValue(rest, /^(-x|--exec)(=?)/));
  else if (name === 'difftool' || name === 'mergetool') found.push(...firstValue(rest, /^(-x|--extcmd)(=?)/), ...valuesOf(rest, /^(-x|--extcmd)(=?)/).map(({ word, text }) => script(word, text)));
  else if (name === 'filter-branch') for (const word of rest) if (/\s/.test(word.text) || !word.text.startsWith('-')) found.push(script(word));
  if (name === 'bisect') {
    const run = after(/^run$/);
    if (run > 0) found.push({ kind: 'words', at: run + 1 });
  }
  if (name === 'submodule') {
    const each = after(/^foreach$/);
    const joined = words.slice(each + 1).filter((word) => word.text !== '--recursive' && word.text !== '--quiet');
    const [first] = joined;
    if (each > 0 && first) found.push(script({ ...first, dynamic: joined.some((word) => word.dynamic) }, joined.map((word) => word.text).join(' ')));
  }
  return found;
}

/** The value of an option that is the first of the words, which `valuesOf` takes for the program's name. */
function firstValue(words: readonly Word[], option: RegExp): Code[] {
  const [first, second] = words;
  const match = first && option.exec(first.text);
  if (!first || !match) return [];
  const attached = first.text.slice(match[0].length);
  if (attached !== '') return [script(first, attached)];
  return second ? [script(second)] : [];
}

/** An alias names a command of git itself unless it begins with "!". */
function gitValue(word: Word, key: string, value: string): Code {
  if (value.startsWith('!')) return script(word, value.slice(1));
  return script(word, /^alias\./i.test(key) ? `git ${value}` : value);
}
