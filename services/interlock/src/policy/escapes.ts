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

/** Decodes the escapes that are numbers, and leaves the others as they are. */
export function decodeNumbers(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{1,2}|u\{?[0-9a-fA-F]{1,6}\}?|U[0-9a-fA-F]{1,8}|[0-7]{1,4})/g, (whole) => decodeEscapes(whole));
}
