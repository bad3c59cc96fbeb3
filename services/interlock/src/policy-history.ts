import { canonicalJson } from '@megabot/contracts/canonical.ts';
import type { PolicyVersion } from '@megabot/contracts/endpoints/interlock.ts';
import type { Policy } from '@megabot/contracts/policy.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import type { FileReading } from './configuration/file.ts';
import type { Settings } from './configuration/schema.ts';
import type { Tx } from './transaction.ts';

/** Who changed a version that nobody made through MegaBot. */
export const byHand = 'by hand';

/** So many versions of the file are kept. The one in force is always among them. */
const kept = 50;
const maxSummary = 500;
const undoKeptMs = 30 * 86_400_000;

interface VersionRow extends Record<string, unknown> {
  number: number;
  content_hash: string;
  content: string | null;
  stored_at: number;
  changed_by: string;
  summary: string;
}

export interface NewVersion {
  readonly reading: Extract<FileReading, { found: true }>;
  readonly policy: Policy;
  readonly settings: Settings;
  readonly by: string;
  readonly summary: string;
}

/** Keeps a usable content of the file. What is the newest version already, whole, is not kept twice. */
export async function keepVersion(tx: Tx, version: NewVersion): Promise<void> {
  const [newest] = await tx.query<VersionRow>(`SELECT content_hash, content FROM interlock.policy_versions ORDER BY number DESC LIMIT 1`);
  if (newest?.content_hash === version.reading.hash && newest.content !== null) return;
  await tx.query(
    `INSERT INTO interlock.policy_versions (content_hash, policy, settings, stored_at, content, changed_by, summary) VALUES ($1, $2::jsonb, $3::jsonb, $4, $5, $6, $7)`,
    [version.reading.hash, JSON.stringify(version.policy), JSON.stringify(version.settings), tx.now, version.reading.text, version.by, version.summary],
  );
  await tx.query('DELETE FROM interlock.policy_versions WHERE number <= (SELECT number FROM interlock.policy_versions ORDER BY number DESC OFFSET $1 LIMIT 1)', [kept]);
}

/** The versions that can be put back, newest first. */
export async function listVersions(sql: Sql, limit: number): Promise<PolicyVersion[]> {
  const rows = await sql.query<VersionRow>('SELECT number, content_hash, stored_at, changed_by, summary FROM interlock.policy_versions WHERE content IS NOT NULL ORDER BY number DESC LIMIT $1', [limit]);
  return rows.map(toVersion);
}

export interface Restorable {
  readonly version: PolicyVersion;
  readonly content: string;
}

/** The version with this number, or, without one, the last that was not what `inForce` (its content's hash) is. */
export async function findRestorable(sql: Sql, inForce: string, number: number | undefined): Promise<Restorable | undefined> {
  const [row] = await sql.query<VersionRow>(
    `SELECT number, content_hash, content, stored_at, changed_by, summary FROM interlock.policy_versions
     WHERE content IS NOT NULL AND ($1::bigint IS NULL OR number = $1) AND ($1::bigint IS NOT NULL OR content_hash <> $2) ORDER BY number DESC LIMIT 1`,
    [number ?? null, inForce],
  );
  return row?.content === undefined || row.content === null ? undefined : { version: toVersion(row), content: row.content };
}

/** What a request put back, if it did. */
export async function findUndo(sql: Sql, request: string): Promise<PolicyVersion | undefined> {
  const [row] = await sql.query<{ restored: PolicyVersion }>('SELECT restored FROM interlock.policy_undos WHERE request = $1', [request]);
  return row?.restored;
}

/** Remembers what a request put back, for as long as anybody could still be repeating it. */
export async function keepUndo(tx: Tx, request: string, restored: PolicyVersion): Promise<void> {
  await tx.query('DELETE FROM interlock.policy_undos WHERE at < $1', [tx.now - undoKeptMs]);
  await tx.query('INSERT INTO interlock.policy_undos (request, at, restored) VALUES ($1, $2, $3::jsonb)', [request, tx.now, JSON.stringify(restored)]);
}

const toVersion = (row: VersionRow): PolicyVersion => ({ id: row.number, at: row.stored_at, by: row.changed_by, summary: row.summary, version: row.content_hash.slice(0, 32) });

/** What differs between what was in force and what is now, in few words. */
export function differenceOf(before: { readonly policy: Policy | null; readonly settings: unknown }, after: { readonly policy: Policy; readonly settings: Settings }): string {
  const { policy } = before;
  if (policy === null) return 'The first version.';
  const changes = (['allow', 'deny'] as const).flatMap((list) => [
    ...after.policy[list].filter((pattern) => !policy[list].includes(pattern)).map((pattern) => `${list} + ${pattern}`),
    ...policy[list].filter((pattern) => !after.policy[list].includes(pattern)).map((pattern) => `${list} - ${pattern}`),
  ]);
  if (policy.matching !== after.policy.matching) changes.push(`matching: ${after.policy.matching}`);
  if (canonicalJson(before.settings) !== canonicalJson(after.settings)) changes.push('other settings');
  const said = changes.length === 0 ? 'Comments or spelling only.' : changes.join(', ');
  return said.length > maxSummary ? `${said.slice(0, maxSummary)} …`.toWellFormed() : said;
}
