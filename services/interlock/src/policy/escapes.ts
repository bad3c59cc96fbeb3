const letters: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '', b: '', e: '', E: '', f: '\f', v: '\v' };

const numbers = String.raw`x[0-9a-fA-F]{1,2}|x\{[0-9a-fA-F]*\}?|u\{?[0-9a-fA-F]{1,6}\}?|U[0-9a-fA-F]{1,8}|[0-7]{1,4}`;
const everyEscape = new RegExp(String.raw`\\(${numbers}|.)`, 'gs');
const everyNumber = new RegExp(String.raw`\\(${numbers})`, 'g');

/** Decodes `\xHH`, bash's `\x{H…}`, octal, `\uHHHH` and single-letter escapes, as `$'…'`, `printf` and most languages write them. */
export function decodeEscapes(text: string): string {
  return text.replace(everyEscape, (_all, escape: string) => {
    const code = codeOf(escape);
    if (code !== undefined) return code <= 0x10ffff && code > 0 ? String.fromCodePoint(code) : '';
    return letters[escape] ?? escape;
  });
}

function codeOf(escape: string): number | undefined {
  const [, open, digits = ''] = /^(x\{|[xuU]\{?(?=[0-9a-fA-F]))([0-9a-fA-F]*)/.exec(escape) ?? [];
  // Of any number of digits in `\x{…}` bash takes the last byte.
  if (open === 'x{') return Number.parseInt(digits.slice(-2) || '0', 16);
  if (open !== undefined) return Number.parseInt(digits, 16);
  return /^[0-7]/.test(escape) ? Number.parseInt(escape, 8) & 0xff : undefined;
}

/** Decodes the escapes that are numbers, and leaves the others as they are. */
export function decodeNumbers(text: string): string {
  return text.replace(everyNumber, (whole) => decodeEscapes(whole));
}
