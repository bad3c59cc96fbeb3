// Format, control, private-use and unassigned code points, and spaces other than the plain one: they can make a command read
// as another one than it is. A zero-width joiner between emoji is left out of no rule: an escape is ugly, a disguise is worse.
const invisible = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** Whether anything in it does not show; line breaks and tabs do. */
export const hasInvisible = (text: string): boolean => [...text.matchAll(invisible)].some(([character]) => character !== '\n' && character !== '\t');
/** The text as a reader sees it who sees only what shows. */
export const withoutInvisible = (text: string): string => text.replace(invisible, (character) => (/\s/.test(character) ? ' ' : ''));

/** The text with everything that does not show made visible as `\u{…}`; line breaks and tabs stay. */
export function showInvisible(text: string): string {
  return text.replace(invisible, (character) => (character === '\n' || character === '\t' ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`));
}

/** The text as Markdown code that its own backticks cannot end. */
export function asCode(text: string): string {
  const shown = showInvisible(text);
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map((match) => match[0].length));
  if (!shown.includes('\n')) {
    const fence = '`'.repeat(longest + 1);
    return longest > 0 ? `${fence} ${shown} ${fence}` : `${fence}${shown}${fence}`;
  }
  return `\n${asBlock(text)}\n`;
}

/** The text as a block of Markdown code that its own backticks cannot end: what renders Markdown changes nothing in it. */
export function asBlock(text: string): string {
  const shown = showInvisible(text);
  const fence = '`'.repeat(Math.max(3, ...[...shown.matchAll(/`+/g)].map((match) => match[0].length + 1)));
  return `${fence}\n${shown}\n${fence}`;
}

/** At most `limit` characters, and how many are missing; `rest` says where to read them. */
export function bounded(text: string, limit: number, rest: string): string {
  if (text.length <= limit) return text;
  // A pair of surrogates is not cut in two.
  const at = /[\uD800-\uDBFF]/.test(text.charAt(limit - 1)) ? limit - 1 : limit;
  return `${text.slice(0, at)}\n[${text.length - at} more characters; ${rest}]`;
}
