import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { loadMigrations, migrate } from '@megabot/postgres/migrations.ts';
import type { DataFiles } from '@megabot/postgres/pglite-template.ts';
import { makeTemplate, openPglite } from '@megabot/postgres/pglite.ts';

const cacheDirectory = fileURLToPath(new URL('../../../node_modules/.cache/megabot/', import.meta.url));

/** The schema of a service and its folder of migrations. */
interface Migrated {
  readonly schema: string;
  readonly migrations: URL;
}

/**
 * An embedded database in memory, for unit tests: empty, or with the migrations of a service applied. Close it with
 * `await using`. Initialising one takes seconds, so the first makes a template that later tests, in this process and others,
 * start from.
 */
export async function openMemoryDatabase(migrated?: Migrated): Promise<Database> {
  return await openPglite({ directory: 'memory', logger: silentLogger(), template: await templateOf(migrated) });
}

/** Makes a folder that holds an embedded database, empty, for tests that are not about the first start. */
export async function makeDataDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const [name, content] of await templateOf(undefined)) {
    if (content) await writeFile(path.join(directory, name), content);
    else await mkdir(path.join(directory, name));
  }
}

async function templateOf(migrated: Migrated | undefined): Promise<DataFiles> {
  const name = migrated ? `${migrated.schema} ${migrated.migrations.href}` : 'empty';
  let template = templates.get(name);
  templates.set(name, (template ??= loadTemplate(migrated)));
  return await template;
}

const templates = new Map<string, Promise<DataFiles>>();

async function loadTemplate(migrated: Migrated | undefined): Promise<DataFiles> {
  const prefix = `pglite-${migrated?.schema ?? 'empty'}-`;
  const file = path.join(cacheDirectory, prefix + (await hashOf(migrated)));
  const cached = await readFile(file).catch(() => undefined);
  if (cached) return deserialize(cached) as DataFiles;
  const fresh = await makeTemplate(async (db) => {
    if (migrated) await migrate(db, migrated);
  });
  // Written whole and then renamed, since other test processes look for it at the same time.
  const draft = path.join(cacheDirectory, `draft-${randomUUID()}`);
  await mkdir(cacheDirectory, { recursive: true });
  const outdated = (await readdir(cacheDirectory)).filter((name) => name.startsWith(prefix));
  await writeFile(draft, serialize(fresh));
  await rename(draft, file);
  for (const name of outdated) await rm(path.join(cacheDirectory, name), { force: true });
  return fresh;
}

/** Of everything that decides what a template holds. */
async function hashOf(migrated: Migrated | undefined): Promise<string> {
  const parts: unknown[] = [versionOf('@electric-sql/pglite'), versionOf('@electric-sql/pglite-pgvector')];
  for (const source of ['pglite.ts', 'pglite-template.ts', 'migrations.ts']) parts.push(await readFile(new URL(import.meta.resolve(`@megabot/postgres/${source}`)), 'utf8'));
  if (migrated) parts.push(migrated.schema, await loadMigrations(migrated.migrations));
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

function versionOf(name: string): string {
  const fromPostgres = createRequire(import.meta.resolve('@megabot/postgres/pglite.ts'));
  const main = fromPostgres.resolve(name);
  const manifest: unknown = fromPostgres(path.join(main.slice(0, main.lastIndexOf(name) + name.length), 'package.json'));
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) throw new Error(`${name} has no version`);
  return String(manifest.version);
}
