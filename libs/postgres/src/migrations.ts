import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import type { Database, Sql } from './database.ts';
import { quoteIdentifier } from './identifier.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

export interface MigrationOptions {
  /** The schema that the migrations own; created if absent. */
  readonly schema: string;
  /** A folder of files `0001-name.sql`, or the migrations themselves. */
  readonly migrations: URL | string | readonly Migration[];
  /** The role to run as, and so the owner of what is made; by default whoever is connected. */
  readonly role?: string;
}

/**
 * - `malformed`: the files are not numbered 1, 2, 3 … without gap or repetition.
 * - `changed`: an applied migration is no longer what it was. `newer`: the database has migrations that this code does not know.
 * - `behind`: the database lacks migrations that this code needs.
 */
export type MigrationErrorCode = 'malformed' | 'changed' | 'newer' | 'behind';

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly code: MigrationErrorCode;
  constructor(code: MigrationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The highest migration number before and after, 0 for none. */
export interface MigrationResult {
  readonly from: number;
  readonly to: number;
}

/**
 * Applies what is missing, in order, each migration in a transaction of its own together with its record in
 * `<schema>.schema_migrations`. Several callers at once wait for one another and find nothing left to do.
 * @throws MigrationError, or DatabaseError from a migration, which is then not applied; the ones before it stay.
 */
export async function migrate(db: Database, options: MigrationOptions): Promise<MigrationResult> {
  const migrations = await loadMigrations(options.migrations);
  let from: number | undefined;
  for (;;) {
    const step = await db.transaction(async (sql) => {
      await sql.query('SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0');
      await sql.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`megabot:migrate:${options.schema}`]);
      await ensureTable(sql, options);
      const applied = await readApplied(sql, options.schema);
      verify(options.schema, applied, migrations);
      const next = migrations[applied.length];
      if (next) await apply(sql, options, next);
      return { before: applied.length, done: next === undefined };
    });
    from ??= step.before;
    if (step.done) return { from, to: step.before };
  }
}

/**
 * Checks, changing nothing, that the schema stands exactly where this code needs it. The role needs SELECT on
 * `<schema>.schema_migrations`.
 * @throws MigrationError, or DatabaseError
 */
export async function assertMigrated(db: Sql, options: Omit<MigrationOptions, 'role'>): Promise<void> {
  const migrations = await loadMigrations(options.migrations);
  const applied = (await tableExists(db, options.schema)) ? await readApplied(db, options.schema) : [];
  verify(options.schema, applied, migrations);
  if (applied.length < migrations.length) {
    throw new MigrationError('behind', `the schema ${options.schema} is at migration ${applied.length}, this code needs ${migrations.length}`);
  }
}

/** Reads and checks a folder of migrations, or checks a given list. @throws MigrationError `malformed` */
export async function loadMigrations(source: MigrationOptions['migrations']): Promise<readonly Migration[]> {
  const migrations = typeof source === 'string' || source instanceof URL ? await readFolder(source) : source;
  for (const [index, migration] of migrations.entries()) {
    if (migration.number !== index + 1) {
      throw new MigrationError('malformed', `migration ${index + 1} is expected where ${migration.number} (${migration.name}) stands`);
    }
  }
  return migrations;
}

async function readFolder(folder: URL | string): Promise<Migration[]> {
  const directory = folder instanceof URL ? fileURLToPath(folder) : folder;
  const names = (await readdir(directory)).filter((name) => /^\d/.test(name)).toSorted();
  return await Promise.all(
    names.map(async (file) => {
      const [, number, name] = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file) ?? [];
      if (number === undefined || name === undefined) throw new MigrationError('malformed', `${file} is not named like 0001-what-it-does.sql`);
      return { number: Number(number), name, sql: await readFile(path.join(directory, file), 'utf8') };
    }),
  );
}

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

function verify(schema: string, applied: readonly Applied[], migrations: readonly Migration[]): void {
  const newest = applied.at(-1)?.number ?? 0;
  if (newest > migrations.length) {
    throw new MigrationError('newer', `the schema ${schema} is at migration ${newest}, this code knows only ${migrations.length}: it is older than the database`);
  }
  for (const [index, record] of applied.entries()) {
    const migration = migrations[index];
    if (migration?.number !== record.number || checksum(migration) !== record.checksum) {
      throw new MigrationError('changed', `migration ${record.number} (${record.name}) of the schema ${schema} is not what was applied; add a new one instead`);
    }
  }
}

// Line ends do not count: a checkout may have converted them.
function checksum(migration: Migration): string {
  return createHash('sha256').update(migration.sql.replaceAll('\r\n', '\n')).digest('hex');
}

async function apply(sql: Sql, options: MigrationOptions, migration: Migration): Promise<void> {
  if (options.role !== undefined) await sql.query(`SET LOCAL ROLE ${quoteIdentifier(options.role)}`);
  await sql.query(migration.sql);
  await sql.query(`INSERT INTO ${table(options.schema)} (number, name, checksum) VALUES ($1, $2, $3)`, [
    migration.number,
    migration.name,
    checksum(migration),
  ]);
}

// IF NOT EXISTS asks for the right to create even where there is nothing to create, so look first.
async function ensureTable(sql: Sql, options: MigrationOptions): Promise<void> {
  const schema = quoteIdentifier(options.schema);
  const [found] = await sql.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [options.schema]);
  if (!found) {
    const owner = options.role === undefined ? '' : ` AUTHORIZATION ${quoteIdentifier(options.role)}`;
    await sql.query(`CREATE SCHEMA ${schema}${owner}`);
  }
  if (await tableExists(sql, options.schema)) return;
  await sql.query(`CREATE TABLE ${table(options.schema)} (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`);
  if (options.role !== undefined) await sql.query(`ALTER TABLE ${table(options.schema)} OWNER TO ${quoteIdentifier(options.role)}`);
}

async function tableExists(sql: Sql, schema: string): Promise<boolean> {
  const rows = await sql.query(
    `SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = 'schema_migrations'`,
    [schema],
  );
  return rows.length > 0;
}

async function readApplied(sql: Sql, schema: string): Promise<Applied[]> {
  return await sql.query<Applied>(`SELECT number, name, checksum FROM ${table(schema)} ORDER BY number`);
}

function table(schema: string): string {
  return `${quoteIdentifier(schema)}.schema_migrations`;
}
