import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, describe, it } from 'node:test';
import { openMemoryDatabase } from '@megabot/testing/postgres-memory.ts';
import { loadMigrations } from './migrations.ts';
import { migrationsSuite, rejectsWithMigrationError } from './migrations-suite.ts';

migrationsSuite('PGlite', openMemoryDatabase);

const root = mkdtempSync(path.join(tmpdir(), 'megabot-migrations-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

function folderOf(files: Readonly<Record<string, string>>): string {
  folders += 1;
  const folder = path.join(root, String(folders));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
  return folder;
}

describe('migration files', () => {
  it('are read in the order of their numbers, other files beside them ignored', async () => {
    const folder = folderOf({ '0002-b.sql': 'SELECT 2', '0001-a.sql': 'SELECT 1', 'grants.sql': 'GRANT', 'README.md': '' });
    const expected = [
      { number: 1, name: 'a', sql: 'SELECT 1' },
      { number: 2, name: 'b', sql: 'SELECT 2' },
    ];
    assert.deepEqual(await loadMigrations(folder), expected);
    assert.deepEqual(await loadMigrations(pathToFileURL(folder)), expected);
  });
  for (const [what, files] of [
    ['a gap', ['0001-a.sql', '0003-c.sql']],
    ['a number used twice', ['0001-a.sql', '0001-b.sql']],
    ['a start other than 1', ['0002-b.sql']],
    ['a short number', ['1-a.sql']],
    ['a name with capitals', ['0001-A.sql']],
  ] as const) {
    it(`are refused for ${what}`, async () => {
      const folder = folderOf(Object.fromEntries(files.map((file) => [file, 'SELECT 1'])));
      await rejectsWithMigrationError(loadMigrations(folder), 'malformed', /./);
    });
  }
});
