import { z } from 'zod';

/** A page is asked for with the cursor of the page before; without one it is the newest. Opaque to clients. */
export const PageQuery = z.object({
  cursor: z.string().regex(/^[1-9]\d{0,14}$/, 'must be a cursor of an earlier page').optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** What the stores take, from the query of a page. */
export const pageOf = (query: z.infer<typeof PageQuery>): { limit: number; before?: number } => ({ limit: query.limit, ...(query.cursor === undefined ? {} : { before: Number(query.cursor) }) });

/** The cursor of the next, older page; null on the last. */
export const nextCursor = (items: readonly { seq: number }[], hasMore: boolean): string | null =>
  hasMore && items.length > 0 ? String(Math.min(...items.map((item) => item.seq))) : null;
