/** What the rows of one reply may weigh: a message of the bus holds 8 MiB, and a claim carries a checkpoint beside its history. */
export const replyBytes = { page: 2_000_000, history: 600_000 } as const;

/** The first rows that together stay within `bytes` as JSON; always at least one. */
export function fitting<Row extends { readonly text: string }>(rows: readonly Row[], bytes: number): readonly Row[] {
  let sum = 0;
  const end = rows.findIndex((row) => (sum += Buffer.byteLength(JSON.stringify(row.text)) + 1_024) > bytes);
  return end === -1 ? rows : rows.slice(0, Math.max(end, 1));
}
