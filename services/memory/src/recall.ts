import type { RecalledItem } from '@megabot/contracts/memory-item.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { fitting, replyBytes } from './fit.ts';

export interface RecallRequest {
  readonly query: string;
  readonly k: number;
  readonly space: string;
  /** Only what was known at this time, in milliseconds. */
  readonly at?: number | undefined;
}

interface Hit {
  readonly id: string;
  readonly external_id: string | null;
  readonly text: string;
  readonly score: number;
  readonly found: string[];
  readonly nearby: boolean;
}

/** How much the words of the item before count: an answer seldom repeats the words of its question. */
const previousWeight = 0.5;

/**
 * Finds items by their words, best first. Any word of the query may match, and more of them rank higher: asking for all
 * of them finds almost nothing of what a person means. English is matched by stems; what they do not find is looked for as
 * spelled, by its beginning.
 */
export async function recallItems(sql: Sql, request: RecallRequest): Promise<RecalledItem[]> {
  const stems = await stemsOf(sql, request.query);
  const byStem = await search(sql, request, 'words', [...stems.keys()], '');
  if (byStem.length > 0) return byStem.map((hit) => recalled(hit, (lexeme) => stems.get(lexeme) ?? lexeme));
  const bySpelling = await search(sql, request, 'spelling', spelledWords(request.query), ':*');
  return bySpelling.map((hit) => recalled(hit, (lexeme) => lexeme));
}

/** The query's lexemes, each with the word as the person wrote it. */
async function stemsOf(sql: Sql, query: string): Promise<Map<string, string>> {
  const rows = await sql.query<{ token: string; lexeme: string }>(
    "SELECT token, lexeme FROM ts_debug('english', $1) AS d, unnest(d.lexemes) AS lexeme",
    [query],
  );
  return new Map(rows.map((row) => [row.lexeme, row.token.toLowerCase()]));
}

function spelledWords(query: string): string[] {
  return [...new Set(query.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? [])];
}

/** PostgreSQL indexes no longer word, and refuses to look for one (documentation, 12.11). */
const maxLexemeBytes = 2_046;

async function search(sql: Sql, request: RecallRequest, column: 'words' | 'spelling', wanted: readonly string[], suffix: '' | ':*'): Promise<readonly Hit[]> {
  const lexemes = wanted.filter((lexeme) => Buffer.byteLength(lexeme) <= maxLexemeBytes);
  if (lexemes.length === 0) return [];
  const anyOf = lexemes.map((lexeme) => `${quoteLexeme(lexeme)}${suffix}`).join(' | ');
  const matches = suffix === '' ? 'lexeme = ANY($6::text[])' : 'lexeme ^@ ANY($6::text[])';
  const hits = await sql.query<Hit>(
    `WITH known AS NOT MATERIALIZED (
       SELECT * FROM memory.items WHERE space = $1 AND ($4::bigint IS NULL OR coalesce(said_at, created_at) <= to_timestamp($4 / 1000.0))
     ), own AS (
       SELECT id, external_id, ts_rank(${column}, $2::tsquery) AS rank FROM known WHERE ${column} @@ $2::tsquery
     ), scored AS (
       SELECT id, rank, true AS own FROM own
       UNION ALL
       SELECT next.id, own.rank * $5::real, false FROM own JOIN known next ON next.previous_external_id = own.external_id
     ), best AS (
       SELECT id, sum(rank)::float8 AS score, bool_or(own) AS own FROM scored GROUP BY id ORDER BY score DESC, id LIMIT $3
     )
     SELECT best.id, item.external_id, item.text, best.score, NOT best.own AS nearby,
       ARRAY(SELECT lexeme FROM unnest(tsvector_to_array(item.${column})) AS lexeme WHERE ${matches} ORDER BY lexeme) AS found
     FROM best JOIN memory.items item ON item.id = best.id ORDER BY best.score DESC, best.id`,
    [request.space, anyOf, request.k, request.at ?? null, previousWeight, lexemes],
  );
  return fitting(hits, replyBytes.page);
}

// Quoting of a lexeme within the text form of a tsquery: PostgreSQL documentation, 8.11.2.
function quoteLexeme(lexeme: string): string {
  return `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

function recalled(hit: Hit, asWritten: (lexeme: string) => string): RecalledItem {
  const words = [...new Set(hit.found.map(asWritten))].slice(0, 12);
  const own = words.length > 0 ? `matches ${words.map((word) => `"${word}"`).join(', ')}` : '';
  const why = hit.nearby ? 'follows an item that matches' : own;
  return { id: hit.id, externalId: hit.external_id, text: hit.text, score: hit.score, why };
}
