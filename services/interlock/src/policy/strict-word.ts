import { runnerVariables, singleQuoted, type Word } from './word.ts';

export interface StrictWord extends Word {
  /** It begins with a wildcard, so that it may become an option. */
  readonly leadingGlob: boolean;
  /** Respelled for bash so that nothing but its wildcards and runner's variables is special. */
  readonly canonical: string;
}

/** Thrown inside the strict reader only: what it does not know ends the reading. */
export class Refusal extends Error {}

export const refuse = (reason: string): never => {
  throw new Refusal(reason);
};

const plain = /[A-Za-z0-9_@%+=:,./^\]\p{L}\p{Mn}\p{Nd}-]/u;
const bracket = /^\[[!^]?[\w.,!@%+:-]+\]/;
const variable = /^\$(?:\{(HOME|PWD|USER|TMPDIR|LANG|\?)\}|(HOME|PWD|USER|TMPDIR|LANG)(?!\w)|(\?))/;
/** After these an unquoted or quoted dollar sign means itself. */
const afterDollar = /^\$(?=["\s./|)%^:;&=+,~}]|$)/;

const because: Readonly<Record<string, string>> = {
  $: 'It uses an expansion or a substitution ("$"), whose value is not known.',
  '`': 'It uses a substitution ("`").',
  '{': 'It uses braces.',
  '}': 'It uses braces.',
  '!': 'It uses "!".',
  '(': 'It uses parentheses.',
  ')': 'It uses parentheses.',
  '<': 'It redirects.',
  '>': 'It redirects.',
  '[': 'It uses a wildcard of an unusual form.',
  '~': 'It uses "~" in an unusual place.',
};

/** Reads the word that begins at `from`; not empty, since the caller has looked. Linear. */
export function readStrictWord(text: string, from: number): StrictWord {
  let at = from;
  let value = '';
  let canonical = '';
  /** Literal text that is not in `canonical` yet. */
  let literal = '';
  let bare = true;
  let glob = false;
  let leadingGlob = false;
  let quotes = false;

  const add = (part: string): void => {
    value += part;
    literal += part;
  };
  const addAsIs = (part: string, spelled: string): void => {
    if (literal !== '') canonical += singleQuoted(literal);
    literal = '';
    canonical += spelled;
    value += part;
  };
  const addVariable = (): void => {
    const match = variable.exec(text.slice(at, at + 12));
    const name = match?.[1] ?? match?.[2] ?? match?.[3];
    if (match === null || name === undefined) return refuse(because['$'] ?? '');
    addAsIs(runnerVariables.get(name) ?? '', name === '?' ? '"$?"' : `"$${name}"`);
    at += match[0].length;
    bare = false;
  };

  scan: while (at < text.length) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    switch (character) {
      case ' ':
      case '\t':
      case '\n':
      case ';':
      case '&':
      case '|':
      case '<':
      case '>':
        break scan;
      case "'": {
        const close = text.indexOf("'", at + 1);
        if (close < 0) refuse('A quote is not closed.');
        add(text.slice(at + 1, close));
        at = close + 1;
        bare = false;
        quotes = true;
        break;
      }
      case '"':
        at = readDouble(at + 1);
        bare = false;
        quotes = true;
        break;
      case '\\': {
        const next = text.codePointAt(at + 1);
        if (next === undefined) refuse('It ends with a backslash.');
        const escaped = String.fromCodePoint(next ?? 0);
        if (escaped === '\n') {
          // A line that goes on; within a word it has no honest use.
          if (!/^[ \t]/.test(text.slice(at + 2, at + 3))) refuse('A word goes on in the next line.');
          at += 2;
          break scan;
        }
        add(escaped);
        at += 1 + escaped.length;
        bare = false;
        break;
      }
      case '$':
        addVariable();
        break;
      case '*':
      case '?':
        leadingGlob ||= value === '';
        glob = true;
        addAsIs(character, character);
        at += 1;
        break;
      case '[': {
        const whole = bracket.exec(text.slice(at, at + 64))?.[0] ?? refuse(because['['] ?? '');
        leadingGlob ||= value === '';
        glob = true;
        addAsIs(whole, whole);
        at += whole.length;
        break;
      }
      case '~':
        if (at === from) {
          if (!/^~(?=[/ \t\n;&|]|$)/.test(text.slice(at, at + 2))) refuse('It uses the home folder of another user ("~").');
          addAsIs('~', '"$HOME"');
          bare = false;
        } else {
          // Bash also expands it after "=" and ":" of what looks like an assignment.
          if (/[=:]$/.test(value)) refuse(because['~'] ?? '');
          add('~');
        }
        at += 1;
        break;
      case '#':
        add('#');
        at += 1;
        break;
      case '{':
        if (at !== from || !/^\{\}(?=[ \t\n;&|]|$)/.test(text.slice(at, at + 3))) refuse(because['{'] ?? '');
        add('{}');
        at += 2;
        break;
      default:
        if (!plain.test(character)) refuse(because[character] ?? 'It holds a character that is not read as plain.');
        add(character);
        at += character.length;
    }
  }
  if (literal !== '') canonical += singleQuoted(literal);
  if (canonical === '' && quotes) canonical = "''";
  const end = at;
  return { text: value, start: from, end, bare, glob, dynamic: false, braces: false, leadingGlob, canonical };

  function readDouble(inside: number): number {
    at = inside;
    while (at < text.length) {
      const character = text.charAt(at);
      if (character === '"') return at + 1;
      if (character === '`') refuse(because['`'] ?? '');
      if (character === '\\') {
        const next = text.charAt(at + 1);
        if (next === '\n') refuse('A quoted text joins two lines.');
        if (/^[$`"\\]$/.test(next)) {
          add(next);
          at += 2;
        } else {
          add('\\');
          at += 1;
        }
      } else if (character === '$') {
        if (afterDollar.test(text.slice(at, at + 2))) {
          add('$');
          at += 1;
        } else addVariable();
      } else {
        add(character);
        at += 1;
      }
    }
    return refuse('A quote is not closed.');
  }
}
