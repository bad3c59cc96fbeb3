import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import { databaseCompliance } from './database-compliance.ts';
import { DirectoryLockedError } from './directory-lock.ts';
import { makeTemplate, openPglite } from './pglite.ts';

const logger = silentLogger();
const root = mkdtempSync(path.join(tmpdir(), 'megabot-pglite-'));
after(() => rmSync(root, { recursive: true, force: true }));

const template = await makeTemplate(async () => undefined);
databaseCompliance('PGlite in memory', async () => await openPglite({ directory: 'memory', logger, template }));

let directories = 0;
/** A directory with a database that has been open before. */
function usedDirectory(): string {
  directories += 1;
  const directory = path.join(root, `used-${directories}`);
  mkdirSync(directory, { mode: 0o700 });
  for (const [name, content] of template) {
    if (content) writeFileSync(path.join(directory, name), content);
    else mkdirSync(path.join(directory, name));
  }
  return directory;
}
databaseCompliance('PGlite on disk', async () => await openPglite({ directory: usedDirectory(), logger }));

describe('PGlite on disk', () => {
  it('keeps what was written for the next start, and its lock only while open', async () => {
    const directory = path.join(root, 'kept');
    {
      await using db = await openPglite({ directory, logger });
      await db.query('CREATE TABLE kept (word text)');
      await db.query('INSERT INTO kept VALUES ($1)', ['still here']);
      assert.ok(existsSync(`${directory}.lock`));
    }
    assert.ok(!existsSync(`${directory}.lock`));
    await using db = await openPglite({ directory, logger });
    assert.deepEqual(await db.query('SELECT * FROM kept'), [{ word: 'still here' }]);
  });

  it('refuses a directory that is open already, naming the process', async () => {
    const directory = usedDirectory();
    await using db = await openPglite({ directory, logger });
    await assert.rejects(openPglite({ directory, logger }), (error: unknown) => {
      assert.ok(error instanceof DirectoryLockedError);
      assert.equal(error.pid, process.pid);
      return error.message.includes(String(process.pid));
    });
    await db.ping();
  });

  it('gives the lock back when the data cannot be opened', async () => {
    const directory = path.join(root, 'broken');
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(path.join(directory, 'PG_VERSION'), 'not a data directory');
    await assert.rejects(openPglite({ directory, logger }));
    assert.ok(!existsSync(`${directory}.lock`));
  });

  it('starts after a process that died without closing', async () => {
    const directory = usedDirectory();
    writeFileSync(`${directory}.lock`, JSON.stringify({ pid: 4_194_304 }));
    await using db = await openPglite({ directory, logger });
    await db.ping();
  });
});
