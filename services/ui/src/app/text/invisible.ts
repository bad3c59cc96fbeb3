/** A stretch of text as it is, or one character spelled out because the eye would miss it. */
export interface RevealedPiece {
  readonly kind: 'plain' | 'escaped' | 'unusual';
  readonly text: string;
}

// Letters and marks that are drawn as nothing although Unicode does not class them as invisible: Hangul fillers, the Braille
// blank, Khmer inherent vowels, Mongolian and other variation selectors, the combining grapheme joiner.
const blankLookalikes = /[\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u2800\u3164\uFE00-\uFE0F\uFFA0\u{1D159}\u{E0100}-\u{E01EF}]/u;
const invisible = /[\p{C}\p{Zl}\p{Zp}]/u;
const oddSpace = /\p{Zs}/u;

/**
 * Splits a command so that nothing in it hides: control, formatting and direction-changing characters, unusual spaces and
 * lone surrogates become `\u{…}`; characters beyond ASCII are kept, and marked. Line breaks and plain spaces stay.
 */
export function revealInvisible(text: string): readonly RevealedPiece[] {
  const pieces: { kind: RevealedPiece['kind']; text: string }[] = [];
  for (const character of text) {
    const kind = kindOf(character);
    const shown = kind === 'escaped' ? escapeOf(character) : character;
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += shown;
    else pieces.push({ kind, text: shown });
  }
  return pieces;
}

/** A text with nothing hidden in it, where marking the characters would be too much. */
export const revealed = (text: string): string => revealInvisible(text).map((piece) => piece.text).join('');

/** What a reader has to be told about a command beyond its text; empty for plain ASCII. */
export function oddities(text: string): readonly string[] {
  let hidden = 0;
  let unusual = 0;
  for (const character of text) {
    const kind = kindOf(character);
    if (kind === 'escaped') hidden += 1;
    if (kind === 'unusual') unusual += 1;
  }
  const notes: string[] = [];
  if (hidden > 0) notes.push(`${hidden} invisible or direction-changing ${hidden === 1 ? 'character is' : 'characters are'} spelled out as \\u{…}.`);
  if (unusual > 0) notes.push(`${unusual} ${unusual === 1 ? 'character is' : 'characters are'} not plain ASCII (underlined): look-alike letters are possible.`);
  return notes;
}

function kindOf(character: string): RevealedPiece['kind'] {
  if (character === '\n' || (character >= ' ' && character <= '~')) return 'plain';
  if (invisible.test(character) || blankLookalikes.test(character) || oddSpace.test(character)) return 'escaped';
  return 'unusual';
}

function escapeOf(character: string): string {
  if (character === '\t') return '\\t';
  if (character === '\r') return '\\r';
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`;
}
