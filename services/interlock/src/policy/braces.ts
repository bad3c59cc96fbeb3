import type { Word } from './word.ts';

const maxWords = 256;
const maxLength = 2_048;

/** `{rm,-rf,x}` and `{1..3}` as the words that they become; null if there are too many, or their form is unusual. */
export function expandBraces(word: Word): readonly Word[] | null {
  if (!word.braces) return [word];
  // Quotes within braces are still in the text; what they become is told by each part alone.
  if (word.text.length > maxLength || /[\\'"]/.test(word.text)) return null;
  let texts = [word.text];
  // Each round takes the innermost braces out of every text; their number bounds the rounds.
  for (let round = 0; round < 32; round++) {
    const next: string[] = [];
    let changed = false;
    for (const text of texts) {
      const [, before = '', inside, after = ''] = /^(.*)\{([^{}]*)\}(.*)$/s.exec(text) ?? [];
      const parts = inside === undefined ? null : alternatives(inside);
      if (parts === null) next.push(text);
      else {
        changed = true;
        for (const part of parts) next.push(before + part + after);
      }
      if (next.length > maxWords) return null;
    }
    texts = next;
    // What is left of a pair that could become several words was not understood.
    if (!changed) return texts.some((text) => /\{[^{}]*(,|\.\.)[^{}]*\}/.test(text)) ? null : texts.map((text) => ({ ...word, text, braces: false }));
  }
  return null;
}

function alternatives(inside: string): string[] | null {
  if (inside.includes(',')) return inside.split(',');
  const [, from, to] = /^(-?\d{1,4}|[A-Za-z])\.\.(-?\d{1,4}|[A-Za-z])(?:\.\.-?\d{1,4})?$/.exec(inside) ?? [];
  if (from === undefined || to === undefined) return null;
  const letters = /[A-Za-z]/.test(from);
  const [first, last] = letters ? [from.charCodeAt(0), to.charCodeAt(0)] : [Number(from), Number(to)];
  const values: string[] = [];
  for (let value = Math.min(first, last); value <= Math.max(first, last) && values.length <= maxWords; value++) values.push(letters ? String.fromCharCode(value) : String(value));
  return values;
}
