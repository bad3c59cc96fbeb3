import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import { databaseCompliance } from './database-compliance.ts';
import { DirectoryLockedError } from './directory-lock.ts';
import { dumpTemplate, openPglite } from './pglite.ts';

const logger = silentLogger();
const root = mkdtempSync(path.join(tmpdir(), 'megabot-pglite-'));
after(() => rmSync(root, { recursive: true, force: true }));

const template = await dumpTemplate();
databaseCompliance('PGlite in memory', async () => await openPglite({ directory: 'memory', logger, template }));

let directories = 0;
databaseCompliance('PGlite on disk', async () => {
  directories += 1;
  return await openPglite({ directory: path.join(root, `compliance-${directories}`), logger, template });
});

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
    const directory = path.join(root, 'twice');
    await using db = await openPglite({ directory, logger, template });
    await assert.rejects(openPglite({ directory, logger }), (error: unknown) => {
      assert.ok(error instanceof DirectoryLockedError);
      assert.equal(error.pid, process.pid);
      return error.message.includes(String(process.pid));
    });
    await db.ping();
  });

  it('gives the lock back when the data cannot be opened', async () => {
    const directory = path.join(root, 'broken');
    await assert.rejects(openPglite({ directory, logger, template: new Blob(['not a data directory']) }));
    assert.ok(!existsSync(`${directory}.lock`));
  });

  it('starts after a process that died without closing', async () => {
    const directory = path.join(root, 'died');
    writeFileSync(`${directory}.lock`, JSON.stringify({ pid: 4_194_304 }));
    await using db = await openPglite({ directory, logger, template });
    await db.ping();
  });
});
