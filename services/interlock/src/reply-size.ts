/** What the items of one reply may weigh as JSON: a message of the bus holds 8 MiB. */
export const replyBytes = 4 * 1024 * 1024;

export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** The first items that together stay within `bytes`; always at least one. */
export function fitting<Item>(items: readonly Item[], bytes = replyBytes): readonly Item[] {
  let sum = 0;
  const end = items.findIndex((item) => (sum += jsonBytes(item)) > bytes);
  return end === -1 ? items : items.slice(0, Math.max(end, 1));
}

/** A text whose JSON form takes `bytes` at most: shortened in the middle, saying so, so that beginning and end remain. */
export function shortened(text: string, bytes: number): string {
  const size = jsonBytes(text);
  if (size <= bytes) return text;
  const kept = Math.max(Math.floor((text.length * (bytes - 64)) / size), 0);
  const head = Math.ceil(kept * 0.6);
  const tail = kept - head;
  const short = `${text.slice(0, head)}\n… (${text.length - kept} characters left out) …\n${text.slice(text.length - tail)}`.toWellFormed();
  // What takes much room may all stand at the ends.
  return kept === 0 || jsonBytes(short) <= bytes ? short : shortened(text, Math.floor(bytes / 2));
}
