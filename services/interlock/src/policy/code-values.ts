import type { Word } from './word.ts';

/** Code among a command's arguments: a script for a shell, words that are a command, or something that cannot be read. */
export type Code =
  | { readonly kind: 'script'; readonly text: string; readonly word: Word | null }
  | { readonly kind: 'words'; readonly at: number; readonly end?: number }
  /** A command may begin at any word from here on. */
  | { readonly kind: 'loose'; readonly at: number }
  | { readonly kind: 'opaque'; readonly reason: string };

export const opaque = (reason: string): Code => ({ kind: 'opaque', reason });
export const script = (word: Word, text = word.text): Code => (word.dynamic ? opaque('A script in it is only known when it runs.') : { kind: 'script', text, word });

/** Values of options, attached or in the next word. The expression's first group is the option, the second what joins them. */
export function valuesOf(words: readonly Word[], option: RegExp): { readonly word: Word; readonly text: string }[] {
  return words.flatMap((word, at) => {
    const match = at === 0 ? null : option.exec(word.text);
    if (!match) return [];
    const attached = word.text.slice(match[0].length);
    const next = words[at + 1];
    if (attached !== '' || word.text.endsWith('=')) return [{ word, text: attached }];
    // "SHELL" and the like are options only with a value attached.
    return next && word.text.startsWith('-') ? [{ word: next, text: next.text }] : [];
  });
}
