import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { DirectoryLockedError, lockDirectory } from './directory-lock.ts';

const root = mkdtempSync(path.join(tmpdir(), 'megabot-lock-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
let directory: string;
let lockFile: string;
beforeEach(() => {
  count += 1;
  directory = path.join(root, `data-${count}`);
  lockFile = `${directory}.lock`;
});

describe('the lock of a data directory', () => {
  it('is given back, leaving nothing beside the directory', () => {
    lockDirectory(directory)();
    assert.deepEqual(readdirSync(root).filter((name) => name.startsWith(`data-${count}.`)), []);
    lockDirectory(directory)();
  });

  it('is held against this process as well', () => {
    const unlock = lockDirectory(directory);
    assert.throws(() => lockDirectory(directory), DirectoryLockedError);
    unlock();
  });

  it('is held by another live process, whose pid the error names, until that process dies', async () => {
    const script = `import { lockDirectory } from ${JSON.stringify(new URL('./directory-lock.ts', import.meta.url).href)};
      lockDirectory(${JSON.stringify(directory)}); console.log('locked'); setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    assert.throws(
      () => lockDirectory(directory),
      (error: unknown) => error instanceof DirectoryLockedError && error.pid === child.pid && error.message.includes(`process ${child.pid}`),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(existsSync(lockFile), 'a killed process leaves its lock');
    lockDirectory(directory)();
  });

  for (const [what, content] of [
    ['a dead process', JSON.stringify({ pid: 4_194_304 })],
    ['garbage', 'not json'],
    ['nothing', ''],
    ['a pid that is no pid', JSON.stringify({ pid: 'one' })],
  ] as const) {
    it(`is taken over from ${what}`, () => {
      writeFileSync(lockFile, content);
      const unlock = lockDirectory(directory);
      assert.match(readFileSync(lockFile, 'utf8'), new RegExp(`"pid":${process.pid}\\b`));
      unlock();
    });
  }

  it('is taken over where the pid now belongs to a process that started at another time', { skip: !existsSync('/proc/self/stat') && 'needs /proc' }, () => {
    const unlock = lockDirectory(directory);
    const held = JSON.parse(readFileSync(lockFile, 'utf8')) as { started: string };
    unlock();
    writeFileSync(lockFile, JSON.stringify({ ...held, started: String(Number(held.started) + 1) }));
    lockDirectory(directory)();
    writeFileSync(lockFile, JSON.stringify({ ...held, boot: 'an earlier boot' }));
    lockDirectory(directory)();
  });

  it('is not removed by a holder that has lost it', () => {
    const unlock = lockDirectory(directory);
    writeFileSync(lockFile, 'somebody else');
    unlock();
    assert.equal(readFileSync(lockFile, 'utf8'), 'somebody else');
  });
});
