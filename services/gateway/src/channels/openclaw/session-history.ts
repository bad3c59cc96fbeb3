import type { Connection } from './connection.ts';
import { HistoryDelta, HistoryPage, HistoryReset, Row, rowText } from './protocol.ts';

export type Request = Connection['request'];

/** New rows of a session, oldest first, unparsed, and where to go on from. */
export interface NewRows {
  readonly rows: readonly unknown[];
  /** Undefined where the session is empty. */
  readonly cursor: string | undefined;
}

const mostPages = 60;
const longestText = 65_536;
/** Of rows that are held at once for a session, in characters as JSON. */
const heaviest = 6 * 1_048_576;

/**
 * Reads what a session has gained since `cursor`, or `reset` where the cursor no longer holds. A delta cuts long texts, whatever
 * is asked for; those are read again as a page, which does not.
 */
export async function readSince(request: Request, sessionKey: string, cursor: string, pageRows: number): Promise<NewRows | 'reset'> {
  const answer = await request('chat.history', { sessionKey, cursor });
  if (HistoryReset.safeParse(answer).success) return 'reset';
  const delta = HistoryDelta.parse(answer);
  const rows = delta.messages.map(({ message }) => message);
  const cut = new Set(rows.flatMap(idOfCutText));
  if (cut.size === 0) return { rows, cursor: delta.deltaCursor };
  const whole = new Map<string, unknown>();
  const enough = async (page: readonly unknown[]): Promise<boolean> => {
    for (const row of page) for (const id of idOf(row)) if (cut.has(id)) whole.set(id, row);
    return whole.size === cut.size;
  };
  const { rows: pages } = await readBack(request, sessionKey, { pageRows, enough });
  await enough(pages);
  return { rows: rows.map((row) => whole.get(idOf(row)[0] ?? '') ?? row), cursor: delta.deltaCursor };
}

/** What the gateway puts behind a text that it has cut. */
export const cutMark = '\n...(truncated)...';
/** It cuts at 8,000; who writes the mark by hand costs us no page. */
const shortestCut = 7_000;

const idOf = (raw: unknown): string[] => {
  const row = Row.safeParse(raw);
  return row.success && row.data.role === 'user' && row.data.__openclaw?.id !== undefined ? [row.data.__openclaw.id] : [];
};
const idOfCutText = (raw: unknown): string[] => {
  const row = Row.safeParse(raw);
  const text = row.success ? rowText(row.data) : '';
  return text.length >= shortestCut && text.endsWith(cutMark) ? idOf(raw) : [];
};

/**
 * Reads a session backward from its end, page by page, until `enough` of a page says that what is older is known or too old.
 * Rows that arrive meanwhile shift the pages, so some rows come twice and none is missed. No
 * more is held of them than what we know, and no more pages than the memory bears.
 */
export async function readBack(request: Request, sessionKey: string, options: { pageRows: number; maxChars?: number; enough: (page: readonly unknown[]) => Promise<boolean> }): Promise<NewRows> {
  const pages: (readonly unknown[])[] = [];
  let cursor: string | undefined;
  let offset = 0;
  let weight = 0;
  for (let count = 0; count < mostPages; count++) {
    const page = HistoryPage.parse(await request('chat.history', { sessionKey, limit: options.pageRows, maxChars: options.maxChars ?? longestText, ...(offset === 0 ? {} : { offset }) }));
    if (offset === 0) cursor = page.deltaCursor;
    const rows = page.messages.slice(0, options.pageRows).map(whatWeKnow);
    pages.unshift(rows);
    weight += JSON.stringify(rows).length;
    if (weight > heaviest) break;
    // An offset that does not grow would read the same page for ever.
    if (page.hasMore !== true || typeof page.nextOffset !== 'number' || page.nextOffset <= offset || (await options.enough(rows))) break;
    offset = page.nextOffset;
  }
  return { rows: pages.flat(), cursor };
}

/** A row without anything that nobody here reads. */
const whatWeKnow = (raw: unknown): unknown => {
  const row = Row.safeParse(raw);
  return row.success ? row.data : null;
};
