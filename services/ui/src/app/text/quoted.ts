// What is obeyed instead of shown: controls, zero-width spaces, and what turns the direction of text around. Joiners and the plain
// direction marks stay, since emoji and several scripts are written with them and they turn nothing around.
const obeyed = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200B\u2028-\u202E\u2060-\u206F\uFEFF\u{E0000}-\u{E007F}]/gu;

/** Words that are not the reader's own, to be read: whatever would be obeyed in them is spelled out as `\u{…}`. */
export const quoted = (text: string): string =>
  text.replaceAll('\r\n', '\n').replace(obeyed, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`);

const mostLines = 12;
const mostCharacters = 900;

/** Where a long text is cut for the first look; null where it is shown whole. */
export function cutForReading(text: string): number | null {
  const byLines = text.split('\n', mostLines).join('\n').length;
  const end = Math.min(byLines, mostCharacters);
  return end < text.length ? end : null;
}
