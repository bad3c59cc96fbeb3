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
