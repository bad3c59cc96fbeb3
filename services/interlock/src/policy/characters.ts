/**
 * Characters that make a line look like something that it is not: controls, bidirectional and zero-width characters, spaces
 * other than the ASCII one, private and unassigned code points. (Unicode TR 36 names the tricks.)
 */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Co}\p{Cn}\u2800]/u;
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const foreignSpace = /[\p{Zs}\p{Zl}\p{Zp}]/u;

/** Joined emoji, and those with a style or a skin: the joiner and the selector are part of the picture. */
const emojiSequence = /\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})?(?:\u200d\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})?)*/gu;

/** Says what is suspicious about the characters of a command, or null. */
export function suspiciousCharacter(text: string): string | null {
  if (!text.isWellFormed()) return 'The command holds half a character, which no program can receive.';
  if (control.test(text)) return 'The command holds a control character.';
  if (foreignSpace.test(text.replaceAll(' ', ''))) return 'The command holds a space that is not the ordinary one.';
  if (invisible.test(text.replace(emojiSequence, ''))) return 'The command holds an invisible character, or one that changes the direction of writing.';
  return null;
}

/**
 * The text as a careless eye reads it: compatibility forms folded (full-width letters, ligatures), invisible characters and
 * controls gone, every space an ordinary one. Deny rules are tried on it as well.
 */
export function foldCharacters(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFKC')
    .replace(/[\p{Zs}]/gu, ' ')
    .replace(/[\r\p{Zl}\p{Zp}\u000b\u000c\u0085]/gu, '\n')
    .replace(/[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u2800]|[\p{Default_Ignorable_Code_Point}\p{Co}\p{Cn}]/gu, '');
}
