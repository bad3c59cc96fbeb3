// ESC [ … m only changes colours; taken away it changes nothing that is read.
const colours = /\u001B\[[0-9;:]*m/g;
const carriageReturns = /\r+\n?/g;
const controls = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/g;

/**
 * Makes a program's output harmless to look at: colour codes go, a carriage return becomes a line break, and every other
 * control, zero-width or direction-changing character is spelled out as `\u{…}` instead of being obeyed.
 */
export function neutraliseOutput(text: string): string {
  return text
    .replace(colours, '')
    .replace(carriageReturns, '\n')
    .replace(controls, (character) => `\\u{${character.charCodeAt(0).toString(16).toUpperCase()}}`);
}

export interface OutputSegment {
  readonly stream: 'stdout' | 'stderr' | 'both';
  readonly text: string;
}

/** Adds a chunk, joined to the last segment where the stream is the same, so that a sequence cut by a chunk's end is whole again. */
export function appendOutput(segments: readonly OutputSegment[], stream: OutputSegment['stream'], chunk: string): readonly OutputSegment[] {
  const last = segments.at(-1);
  if (last?.stream === stream) return [...segments.slice(0, -1), { stream, text: last.text + chunk }];
  return [...segments, { stream, text: chunk }];
}

/** The end of long output, at a line's start where there is one; `dropped` counts the characters before it. */
export function tailOf(segments: readonly OutputSegment[], limit: number): { segments: readonly OutputSegment[]; dropped: number } {
  const total = segments.reduce((sum, segment) => sum + segment.text.length, 0);
  let drop = total - limit;
  if (drop <= 0) return { segments, dropped: 0 };
  const kept: OutputSegment[] = [];
  const dropped = drop;
  for (const segment of segments) {
    if (drop >= segment.text.length) drop -= segment.text.length;
    else {
      kept.push(drop > 0 ? { ...segment, text: segment.text.slice(drop) } : segment);
      drop = 0;
    }
  }
  return { segments: kept, dropped };
}
