import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { dumpTemplate, openPglite } from '@megabot/postgres/pglite.ts';

const cacheDirectory = fileURLToPath(new URL('../../../node_modules/.cache/megabot/', import.meta.url));

/**
 * An empty embedded database in memory, for unit tests; close it with `await using`. Initialising one takes seconds, so the
 * first makes a template that later tests, in this process and others, start from.
 */
export async function openMemoryDatabase(): Promise<Database> {
  template ??= loadTemplate();
  return await openPglite({ directory: 'memory', logger: silentLogger(), template: await template });
}

let template: Promise<Blob> | undefined;

async function loadTemplate(): Promise<Blob> {
  const file = path.join(cacheDirectory, `pglite-${versionOf('@electric-sql/pglite')}-${versionOf('@electric-sql/pglite-pgvector')}.tar`);
  const cached = await readFile(file).catch(() => undefined);
  if (cached) return new Blob([cached]);
  const fresh = await dumpTemplate();
  // Written whole and then renamed, since other test processes look for it at the same time.
  const draft = `${file}.${randomUUID()}`;
  await mkdir(cacheDirectory, { recursive: true });
  await writeFile(draft, Buffer.from(await fresh.arrayBuffer()));
  await rename(draft, file);
  return fresh;
}

function versionOf(name: string): string {
  const fromPostgres = createRequire(import.meta.resolve('@megabot/postgres/pglite.ts'));
  const main = fromPostgres.resolve(name);
  const manifest: unknown = fromPostgres(path.join(main.slice(0, main.lastIndexOf(name) + name.length), 'package.json'));
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) throw new Error(`${name} has no version`);
  return String(manifest.version);
}
