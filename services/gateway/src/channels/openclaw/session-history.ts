import type { Connection } from './connection.ts';
import { HistoryDelta, HistoryPage, HistoryReset } from './protocol.ts';

export type Request = Connection['request'];

/** New rows of a session, oldest first, unparsed, and where to go on from. */
export interface NewRows {
  readonly rows: readonly unknown[];
  /** Undefined where the session is empty. */
  readonly cursor: string | undefined;
}

const mostPages = 60;
const longestText = 65_536;

/** Reads what a session has gained since `cursor`, or `reset` where the cursor no longer holds. */
export async function readSince(request: Request, sessionKey: string, cursor: string): Promise<NewRows | 'reset'> {
  const answer = await request('chat.history', { sessionKey, cursor });
  if (HistoryReset.safeParse(answer).success) return 'reset';
  const delta = HistoryDelta.parse(answer);
  return { rows: delta.messages.map(({ message }) => message), cursor: delta.deltaCursor };
}

/**
 * Reads a session backward from its end, page by page, until `enough` of a page says that what is older is known or too old.
 * Rows that arrive meanwhile shift the pages, so some rows come twice and none is missed.
 */
export async function readBack(request: Request, sessionKey: string, options: { pageRows: number; maxChars?: number; enough: (page: readonly unknown[]) => Promise<boolean> }): Promise<NewRows> {
  const pages: (readonly unknown[])[] = [];
  let cursor: string | undefined;
  let offset = 0;
  for (let count = 0; count < mostPages; count++) {
    const page = HistoryPage.parse(await request('chat.history', { sessionKey, limit: options.pageRows, maxChars: options.maxChars ?? longestText, ...(offset === 0 ? {} : { offset }) }));
    if (offset === 0) cursor = page.deltaCursor;
    pages.unshift(page.messages.slice(0, options.pageRows));
    // An offset that does not grow would read the same page for ever.
    if (page.hasMore !== true || typeof page.nextOffset !== 'number' || page.nextOffset <= offset || (await options.enough(page.messages))) break;
    offset = page.nextOffset;
  }
  return { rows: pages.flat(), cursor };
}
