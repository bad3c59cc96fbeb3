/**
 * Cuts a text into parts of at most `max` UTF-16 units, at the best place there is: between paragraphs, between lines, after a
 * sentence, between words, and only then inside one, never inside a character. What is cut away is white space alone.
 */
export function splitText(text: string, max: number): string[] {
  const parts: string[] = [];
  let rest = text.trim();
  while (rest.length > max) {
    const at = cutPlace(rest, max);
    parts.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  if (rest !== '') parts.push(rest);
  return parts;
}

function cutPlace(text: string, max: number): number {
  // A cut in the first third would leave a stub; the next kind of place is better then.
  const earliest = Math.floor(max / 3);
  const window = text.slice(0, max + 1);
  for (const separator of ['\n\n', '\n', '. ', ' ']) {
    const at = window.lastIndexOf(separator, max - (separator === '. ' ? 1 : 0));
    if (at >= earliest) return separator === '. ' ? at + 1 : at;
  }
  const high = text.charCodeAt(max - 1);
  return high >= 0xd800 && high <= 0xdbff && max > 1 ? max - 1 : max;
}
