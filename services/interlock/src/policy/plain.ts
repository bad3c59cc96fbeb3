import { readStrict } from './strict-reader.ts';

/** A word of a plain command; `bare` if it is spelled without any quote. */
export interface PlainWord {
  readonly text: string;
  readonly bare: boolean;
}

export type PlainReading = { readonly ok: true; readonly words: readonly PlainWord[] } | { readonly ok: false; readonly reason: string };

/** Reads a text that is one simple command and nothing more: no operator, redirection, wildcard or variable. */
export function readPlain(command: string): PlainReading {
  const reading = readStrict(command);
  if (!reading.ok) return reading;
  const [only, ...others] = reading.commands;
  if (!only || others.length > 0 || command.trim().includes('\n')) return { ok: false, reason: 'It is more than one command.' };
  if (only.redirections.length > 0 || only.assignments.length > 0) return { ok: false, reason: 'It redirects, or sets a variable.' };
  if (only.words.some((word) => word.glob || word.canonical.includes('"'))) return { ok: false, reason: 'It uses wildcards or variables.' };
  return { ok: true, words: only.words.map(({ text, bare }) => ({ text, bare })) };
}
