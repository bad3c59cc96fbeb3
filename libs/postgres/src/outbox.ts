import type { Sql } from './database.ts';
import { quoteIdentifier } from './identifier.ts';

/** A message to publish, committed together with the change that it tells of. */
export interface OutboxEntry {
  readonly id: number;
  /** The id under which the bus drops duplicates. */
  readonly messageId: string;
  /** Which message it is, for the publisher to choose the subject by; entries of one key are published in order. */
  readonly key: string;
  readonly payload: unknown;
  /** Trace context to publish with, as headers. */
  readonly trace?: Readonly<Record<string, string>>;
}

/** How long a row belongs to the process that wrote or claimed it, before any other may publish it. */
export const outboxLeaseMs = 10_000;

const lease = `now() + interval '${outboxLeaseMs} milliseconds'`;

/**
 * The table `<schema>.outbox`, for a service's migration. Its role needs SELECT, INSERT, UPDATE and DELETE.
 * A published row keeps its message id for a while, against a second insert, but neither payload nor trace.
 */
export function outboxTableSql(schema: string): string {
  const table = outboxTable(schema);
  return `CREATE TABLE ${table} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id text NOT NULL UNIQUE,
  subject_key text NOT NULL,
  payload jsonb NOT NULL,
  trace jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  leased_until timestamptz NOT NULL DEFAULT ${lease},
  sent_at timestamptz
);
CREATE INDEX outbox_unsent ON ${table} (id) WHERE sent_at IS NULL;
`;
}

/**
 * Records a message in the caller's transaction. After the commit hand the entry to the pump's `kick`.
 * @returns undefined if this message id was recorded before: then there is nothing to do.
 */
export async function addToOutbox(sql: Sql, schema: string, entry: Omit<OutboxEntry, 'id'>): Promise<OutboxEntry | undefined> {
  const [row] = await sql.query<{ id: number }>(
    `INSERT INTO ${outboxTable(schema)} (message_id, subject_key, payload, trace) VALUES ($1, $2, $3::jsonb, $4::jsonb)
     ON CONFLICT (message_id) DO NOTHING RETURNING id`,
    [entry.messageId, entry.key, JSON.stringify(entry.payload), entry.trace ? JSON.stringify(entry.trace) : null],
  );
  return row && { ...entry, id: row.id };
}

interface OutboxRow {
  readonly id: number;
  readonly message_id: string;
  readonly subject_key: string;
  readonly payload: unknown;
  readonly trace: Readonly<Record<string, string>> | null;
}

/** Takes up to `limit` unpublished rows that are nobody's, or are listed in `own`, and none of `held`; in the order of their ids. */
export async function claimUnsent(
  sql: Sql,
  schema: string,
  { own, held, limit }: { readonly own: readonly number[]; readonly held: readonly number[]; readonly limit: number },
): Promise<OutboxEntry[]> {
  const table = outboxTable(schema);
  const rows = await sql.query<OutboxRow>(
    `UPDATE ${table} SET leased_until = ${lease}
     WHERE id IN (
       SELECT id FROM ${table}
       WHERE sent_at IS NULL AND (leased_until < now() OR id = ANY($1::bigint[])) AND NOT (id = ANY($2::bigint[]))
       ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING id, message_id, subject_key, payload, trace`,
    [own, held, limit],
  );
  return rows
    .map(({ id, message_id, subject_key, payload, trace }) => ({ id, messageId: message_id, key: subject_key, payload, ...(trace ? { trace } : {}) }))
    .toSorted((a, b) => a.id - b.id);
}

/** In how many milliseconds the next unpublished row becomes free; undefined if there is none. */
export async function untilNextFree(sql: Sql, schema: string, held: readonly number[]): Promise<number | undefined> {
  const [row] = await sql.query<{ ms: number | null }>(
    `SELECT (extract(epoch FROM min(leased_until) - now()) * 1000)::float8 AS ms FROM ${outboxTable(schema)}
     WHERE sent_at IS NULL AND leased_until < 'infinity' AND NOT (id = ANY($1::bigint[]))`,
    [held],
  );
  return row?.ms ?? undefined;
}

export async function markSent(sql: Sql, schema: string, ids: readonly number[]): Promise<void> {
  await sql.query(`UPDATE ${outboxTable(schema)} SET sent_at = now(), payload = 'null', trace = NULL WHERE id = ANY($1::bigint[])`, [ids]);
}

/** Sets a row aside that can never be published: it stays, for a person to look at, and is not tried again. */
export async function park(sql: Sql, schema: string, id: number): Promise<void> {
  await sql.query(`UPDATE ${outboxTable(schema)} SET leased_until = 'infinity' WHERE id = $1`, [id]);
}

/** Drops rows that were published over an hour ago. */
export async function purgeSent(sql: Sql, schema: string): Promise<void> {
  await sql.query(`DELETE FROM ${outboxTable(schema)} WHERE sent_at < now() - interval '1 hour'`);
}

function outboxTable(schema: string): string {
  return `${quoteIdentifier(schema)}.outbox`;
}
