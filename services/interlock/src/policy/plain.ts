/** A word of a plain command; `bare` if it is spelled without any quote. */
export interface PlainWord {
  readonly text: string;
  readonly bare: boolean;
}

export type PlainReading = { readonly ok: true; readonly words: readonly PlainWord[] } | { readonly ok: false; readonly reason: string };

const bareCharacter = /[A-Za-z0-9_@%+=:,./^\p{L}\p{Mn}\p{Nd}-]/u;
const visible = /[^\u0000-\u001f\u007f-\u009f]/;

const because: Readonly<Record<string, string>> = {
  '\n': 'It has more than one line.',
  ';': 'It chains commands with ";".',
  '&': 'It uses "&".',
  '|': 'It uses a pipe.',
  '<': 'It redirects input.',
  '>': 'It redirects output.',
  '(': 'It uses parentheses.',
  ')': 'It uses parentheses.',
  '$': 'It uses an expansion or a substitution ("$").',
  '`': 'It uses a substitution ("`").',
  '\\': 'It uses a backslash outside plain quotes.',
  '*': 'It uses a wildcard that the shell expands.',
  '?': 'It uses a wildcard that the shell expands.',
  '[': 'It uses a wildcard that the shell expands.',
  '#': 'It holds a comment or a "#".',
  '~': 'It uses "~", which the shell expands.',
  '{': 'It uses braces.',
  '}': 'It uses braces.',
  '!': 'It uses "!".',
};

/**
 * The strict reader, on which alone "allow" rests: one simple command of plain words and simple quoted literals, in which
 * nothing means anything special to a shell. Whatever it does not know, it refuses with a sentence.
 */
export function readPlain(command: string): PlainReading {
  const words: PlainWord[] = [];
  let word: string | null = null;
  let bare = true;
  const characters = Array.from(command);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === ' ' || character === '\t') {
      if (word !== null) words.push({ text: word, bare });
      word = null;
      bare = true;
    } else if (character === "'" || character === '"') {
      const end = characters.indexOf(character, at + 1);
      if (end < 0) return { ok: false, reason: 'A quote is not closed.' };
      const inside = characters.slice(at + 1, end);
      const bad = inside.find((one) => !visible.test(one) || (character === '"' && /[$`\\]/.test(one)));
      if (bad !== undefined) return { ok: false, reason: because[bad] ?? 'A quoted text holds a control character.' };
      word = (word ?? '') + inside.join('');
      bare = false;
      at = end;
    } else if (bareCharacter.test(character)) word = (word ?? '') + character;
    else return { ok: false, reason: because[character] ?? 'It holds a character that is not read as plain.' };
  }
  if (word !== null) words.push({ text: word, bare });
  const [name] = words;
  if (!name) return { ok: false, reason: 'It is empty.' };
  if (name.text.includes('=')) return { ok: false, reason: 'It sets a variable.' };
  return { ok: true, words };
}
