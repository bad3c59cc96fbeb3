/** A word as a shell would hand it over, quotes removed. */
export interface ShellWord {
  readonly text: string;
  /** It holds an unquoted wildcard. */
  readonly glob: boolean;
  /** Its value is only known when it runs: an expansion or a substitution. */
  readonly dynamic: boolean;
}

/** Where a reader is in its text; shared by the readers of commands and of words. */
export interface Cursor {
  at: number;
}

/** What the reader of words asks of the reader of commands. */
export interface WordHost {
  /** Reads the commands of a substitution, up to and with its closing parenthesis. */
  list(): void;
  /** Reads the commands between backquotes. */
  backquoted(inside: string): void;
  fail(problem: string): void;
  /** Commands may hide here from the reader. */
  unclear(): void;
  /** Syntax beyond words, quotes and substitutions. */
  unusual(): void;
}

/** Reads one word from the cursor on, as bash does: quotes, escapes, expansions and the substitutions inside them. */
export function readShellWord(text: string, cursor: Cursor, host: WordHost): ShellWord {
  let value = '';
  let glob = false;
  let dynamic = false;
  while (cursor.at < text.length) {
    const character = text.charAt(cursor.at);
    if (/[ \t\n;&|()]/.test(character)) break;
    if ((character === '<' || character === '>') && text.charAt(cursor.at + 1) !== '(') break;
    cursor.at += 1;
    switch (character) {
      case '\\':
        if (text.charAt(cursor.at) !== '\n') value += text.charAt(cursor.at);
        cursor.at += 1;
        break;
      case "'":
        value += readSingle();
        break;
      case '"':
        readDouble();
        break;
      case '`':
        readBackquotes();
        break;
      case '$':
        readDollar(false);
        break;
      case '<':
      case '>':
        cursor.at += 1;
        host.list();
        dynamic = true;
        break;
      case '*':
      case '?':
      case '[':
        value += character;
        glob = true;
        break;
      default:
        value += character;
    }
  }
  if (value.includes('{') && value.includes('}') && (value.includes(',') || value.includes('..'))) glob = true;
  return { text: value, glob, dynamic };

  function readSingle(): string {
    const end = text.indexOf("'", cursor.at);
    if (end < 0) {
      host.fail('A quote is not closed.');
      const rest = text.slice(cursor.at);
      cursor.at = text.length;
      return rest;
    }
    const inside = text.slice(cursor.at, end);
    cursor.at = end + 1;
    return inside;
  }

  function readDouble(): void {
    while (cursor.at < text.length) {
      const character = text.charAt(cursor.at);
      cursor.at += 1;
      if (character === '"') return;
      if (character === '\\') {
        const next = text.charAt(cursor.at);
        cursor.at += 1;
        if (next !== '\n') value += /[$`"\\]/.test(next) ? next : `\\${next}`;
      } else if (character === '`') readBackquotes();
      else if (character === '$') readDollar(true);
      else value += character;
    }
    host.fail('A quote is not closed.');
  }

  function readBackquotes(): void {
    let inside = '';
    dynamic = true;
    for (;;) {
      if (cursor.at >= text.length) {
        host.fail('A backquote is not closed.');
        break;
      }
      const character = text.charAt(cursor.at);
      cursor.at += 1;
      if (character === '`') break;
      if (character === '\\' && /[`\\$]/.test(text.charAt(cursor.at))) {
        inside += text.charAt(cursor.at);
        cursor.at += 1;
      } else inside += character;
    }
    host.backquoted(inside);
  }

  function readDollar(quoted: boolean): void {
    while (text.startsWith('\\\n', cursor.at)) cursor.at += 2;
    const next = text.charAt(cursor.at);
    if (next === '(') {
      cursor.at += 1;
      dynamic = true;
      // Arithmetic is read as a list as well: only the commands inside it matter.
      host.list();
    } else if (next === '{') {
      cursor.at += 1;
      readBraces();
    } else if (!quoted && next === "'") {
      cursor.at += 1;
      value += readAnsi();
    } else if (!quoted && next === '"') {
      cursor.at += 1;
      host.unusual();
      readDouble();
    } else {
      const name = /^([A-Za-z_]\w*|[0-9@*#?$!-])/.exec(text.slice(cursor.at, cursor.at + 64))?.[0] ?? '';
      cursor.at += name.length;
      if (name === 'HOME') value += '~';
      else if (name !== '') dynamic = true;
      else value += '$';
    }
  }

  /** `${…}`: what it yields is unknown, but substitutions inside it run. */
  function readBraces(): void {
    const home = /^(HOME|PWD)\}/.exec(text.slice(cursor.at, cursor.at + 5))?.[1];
    if (home !== undefined) {
      cursor.at += home.length + 1;
      value += home === 'HOME' ? '~' : '/workspace';
      return;
    }
    dynamic = true;
    const before = value;
    let open = 1;
    while (cursor.at < text.length && open > 0) {
      const character = text.charAt(cursor.at);
      cursor.at += 1;
      if (character === '}') open -= 1;
      else if (character === '{') open += 1;
      else if (character === '\\') cursor.at += 1;
      else if (character === "'") readSingle();
      else if (character === '`') readBackquotes();
      else if (character === '$' && text.charAt(cursor.at) === '(') {
        cursor.at += 1;
        host.list();
      } else if (character === ' ' || character === '|') host.unclear();
    }
    if (open > 0) host.fail('A brace is not closed.');
    value = before;
  }

  function readAnsi(): string {
    let end = cursor.at;
    while (end < text.length && text.charAt(end) !== "'") end += text.charAt(end) === '\\' ? 2 : 1;
    if (end >= text.length) host.fail('A quote is not closed.');
    const inside = text.slice(cursor.at, end);
    cursor.at = end + 1;
    return decodeEscapes(inside);
  }
}

const letters: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '', b: '', e: '', E: '', f: '\f', v: '\v' };

/** Decodes `\xHH`, octal, `\uHHHH` and single-letter escapes, as `$'…'`, `printf` and most languages write them. */
export function decodeEscapes(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{1,2}|u\{?[0-9a-fA-F]{1,6}\}?|U[0-9a-fA-F]{1,8}|[0-7]{1,4}|.)/gs, (_all, escape: string) => {
    const hex = /^[xuU]\{?([0-9a-fA-F]+)/.exec(escape)?.[1];
    const code = hex !== undefined ? Number.parseInt(hex, 16) : /^[0-7]/.test(escape) ? Number.parseInt(escape, 8) & 0xff : undefined;
    if (code !== undefined) return code <= 0x10ffff && code > 0 ? String.fromCodePoint(code) : '';
    return letters[escape] ?? escape;
  });
}
