import type { z } from 'zod';
import type * as endpoints from '@megabot/contracts/endpoints/memory.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { MemoryItem, NewMemoryItem } from '@megabot/contracts/memory-item.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { storableText } from '@megabot/postgres/values.ts';
import { fitting, replyBytes } from './fit.ts';

interface ItemRow {
  readonly id: string;
  readonly space: string;
  readonly external_id: string | null;
  readonly text: string;
  readonly kind: string | null;
  readonly session: string | null;
  readonly author: string | null;
  readonly said_at: Date | null;
  readonly previous_external_id: string | null;
  readonly created_at: Date;
}

/**
 * Stores items; one with an `externalId` that the space knows replaces it and keeps its id. Within one request the last
 * of several with the same `externalId` counts. Resolves to the ids in the order of the items.
 */
export async function rememberItems(sql: Sql, now: Date, items: readonly NewMemoryItem[], space: string): Promise<string[]> {
  // PostgreSQL refuses to update one row twice in one statement.
  const distinct = new Map<string, { id: string; item: NewMemoryItem }>();
  const keys = items.map((item) => {
    const id = newId();
    const key = item.externalId === undefined ? `new:${id}` : `external:${storableText(item.externalId)}`;
    distinct.set(key, { id: distinct.get(key)?.id ?? id, item });
    return key;
  });
  const values = [...distinct.values()];
  const column = (pick: (item: NewMemoryItem) => string | number | undefined): (string | number | null)[] => values.map(({ item }) => pick(item) ?? null);
  const rows = await sql.query<{ id: string; external_id: string | null }>(
    `INSERT INTO memory.items (id, space, external_id, text, kind, session, author, said_at, previous_external_id, created_at)
     SELECT i.id, $1, i.external_id, i.text, i.kind, i.session, i.author, to_timestamp(i.said_at / 1000.0), i.previous_external_id, $10
     FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[])
       AS i (id, external_id, text, kind, session, author, said_at, previous_external_id)
     ON CONFLICT (space, external_id) DO UPDATE SET text = excluded.text, kind = excluded.kind, session = excluded.session,
       author = excluded.author, said_at = excluded.said_at, previous_external_id = excluded.previous_external_id
     RETURNING id, external_id`,
    [
      space,
      values.map(({ id }) => id),
      column((item) => item.externalId),
      column((item) => item.text),
      column((item) => item.kind),
      column((item) => item.session),
      column((item) => item.author),
      column((item) => item.at),
      column((item) => item.previousExternalId),
      now,
    ],
  );
  const stored = new Map(rows.map((row) => [row.external_id === null ? `new:${row.id}` : `external:${row.external_id}`, row.id]));
  return keys.map((key) => {
    const id = stored.get(key);
    if (id === undefined) throw new Error('an item was not stored');
    return id;
  });
}

/**
 * Deletes items for good: the row and its words in the index. `ids`, `externalIds` and `session` add up; a space alone
 * means all that is in it. With `dryRun` nothing is deleted, only counted.
 * @throws ServiceError `bad_request` if nothing says what to forget
 */
export async function forgetItems(sql: Sql, request: z.infer<typeof endpoints.forget.request>): Promise<{ count: number; ids: string[] }> {
  const { ids, externalIds, session, space, dryRun } = request;
  const wholeSpace = ids === undefined && externalIds === undefined && session === undefined;
  if (wholeSpace && space === undefined) {
    throw new ServiceError('bad_request', 'Nothing says what to forget.', { hint: 'Give ids, externalIds, a session or a space.' });
  }
  // An id is unique everywhere; the other names only within a space.
  const condition = `(($1::text IS NULL AND id = ANY($2::text[])) OR (space = coalesce($1, 'default')
    AND ($5 OR id = ANY($2::text[]) OR external_id = ANY($3::text[]) OR session = $4)))`;
  const parameters = [space ?? null, ids ?? [], externalIds ?? [], session ?? null, wholeSpace];
  const rows = await sql.query<{ id: string }>(
    dryRun
      ? `SELECT id FROM memory.items WHERE ${condition} ORDER BY id`
      : `DELETE FROM memory.items WHERE ${condition} RETURNING id`,
    parameters,
  );
  return { count: rows.length, ids: rows.slice(0, 1_000).map((row) => row.id) };
}

/** One page of a space in the order of ids; `next` is the cursor of the page after it, null at the end. */
export async function exportItems(sql: Sql, request: { space: string; after: string; limit: number }): Promise<{ items: MemoryItem[]; next: string | null }> {
  const rows = await sql.query<ItemRow>(
    `SELECT id, space, external_id, text, kind, session, author, said_at, previous_external_id, created_at
     FROM memory.items WHERE space = $1 AND id > $2 ORDER BY id LIMIT $3`,
    [request.space, request.after, request.limit + 1],
  );
  const page = fitting(rows.slice(0, request.limit), replyBytes.page);
  const more = page.length < rows.length;
  return { items: page.map(toItem), next: more ? (page.at(-1)?.id ?? null) : null };
}

function toItem(row: ItemRow): MemoryItem {
  return {
    id: row.id,
    space: row.space,
    text: row.text,
    createdAt: row.created_at.getTime(),
    ...(row.external_id === null ? {} : { externalId: row.external_id }),
    ...(row.kind === null ? {} : { kind: row.kind }),
    ...(row.session === null ? {} : { session: row.session }),
    ...(row.author === null ? {} : { author: row.author }),
    ...(row.said_at === null ? {} : { at: row.said_at.getTime() }),
    ...(row.previous_external_id === null ? {} : { previousExternalId: row.previous_external_id }),
  };
}
