/**
 * Cuts a text into parts of at most `max` UTF-16 units, at the best place there is: between paragraphs, between lines, after a
 * sentence, between words, and only then inside one, never inside a character. What is cut away is white space alone. A block of
 * Markdown code that is cut is closed at the end of its part and opened again in the next: code is never read as anything else.
 */
export function splitText(text: string, max: number): string[] {
  const parts: string[] = [];
  let rest = text.trim();
  while (rest.length > max) {
    const { part, next } = cutOff(rest, max);
    if (part !== '') parts.push(part);
    rest = next;
  }
  if (rest !== '') parts.push(rest);
  return parts;
}

function cutOff(text: string, max: number): { part: string; next: string } {
  const plainly = (at: number) => ({ part: text.slice(0, at).trimEnd(), next: text.slice(at).trimStart() });
  // Fences that would fill a part by themselves are nobody's code; for the others there is room kept to close them.
  const longest = Math.floor(max / 8);
  const openAt = (at: number): Fence | undefined => {
    const fence = openFence(text.slice(0, at));
    return fence && fence.line.length <= longest ? fence : undefined;
  };
  const place = cutPlace(text, max);
  if (!openAt(place)) return plainly(place);
  const earlier = cutPlace(text, max - longest - 1);
  const still = openAt(earlier);
  if (!still) return plainly(earlier);
  // Inside code only the line break goes: what is indented stays so.
  return { part: `${text.slice(0, earlier).trimEnd()}\n${still.mark}`, next: `${still.line}\n${text.slice(earlier).replace(/^[ \t]*\n/, '')}` };
}

interface Fence {
  /** What closes it. */
  readonly mark: string;
  /** What opened it. */
  readonly line: string;
}

/** The block of code that is open at the end of a text (CommonMark 0.31, 4.5). */
function openFence(text: string): Fence | undefined {
  let open: Fence | undefined;
  for (const line of text.split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark === undefined) continue;
    const behind = line.slice(line.indexOf(mark) + mark.length);
    if (!open) {
      if (!mark.startsWith('`') || !behind.includes('`')) open = { mark, line: line.trim() };
    } else if (mark.startsWith(open.mark) && behind.trim() === '') open = undefined;
  }
  return open;
}

function cutPlace(text: string, max: number): number {
  // A cut in the first third would leave a stub; the next kind of place is better then.
  const earliest = Math.floor(max / 3);
  const window = text.slice(0, max + 1);
  for (const separator of ['\n\n', '\n', '. ', ' ']) {
    const at = window.lastIndexOf(separator, max - (separator === '. ' ? 1 : 0));
    if (at >= earliest) return separator === '. ' ? at + 1 : at;
  }
  return wholeBefore(text, max);
}

/** The last place up to `max` that is between characters as people see them: an accent stays with its letter, a family together. */
function wholeBefore(text: string, max: number): number {
  const near = text.slice(Math.max(0, max - longestCharacter), max + longestCharacter).toWellFormed();
  const start = Math.max(0, max - longestCharacter);
  const cut = characters.segment(near).containing(max - start)?.index;
  if (cut !== undefined && cut > 0) return start + cut;
  const high = text.charCodeAt(max - 1);
  return high >= 0xd800 && high <= 0xdbff && max > 1 ? max - 1 : max;
}

const characters = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Longer ones are made to be long, and are cut. */
const longestCharacter = 64;
