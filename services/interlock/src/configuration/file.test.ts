import assert from 'node:assert/strict';
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileName, openConfigurationFile, readingOf } from './file.ts';

const before = 'policies: {allow: [ls]}\n';
const after = 'policies: {allow: [ls, cat]}\n';
const hash = readingOf(before).hash;

describe('replacing the file', () => {
  let folder = '';
  let file = '';
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'configuration-'));
    file = path.join(folder, fileName);
    await writeFile(file, before, { mode: 0o600 });
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  test('happens whole, if it is still what was read, and leaves no draft', async () => {
    const opened = openConfigurationFile(folder);
    assert.equal(opened.replace(after, readingOf('something else').hash), false);
    assert.equal(await readFile(file, 'utf8'), before);
    assert.equal(opened.replace(after, hash), true);
    assert.equal(await readFile(file, 'utf8'), after);
    assert.deepEqual(await readdir(folder), [fileName]);
  });

  test('gives way to somebody who writes while the draft is being written, in place or by renaming', async () => {
    const mine = '# by hand\npolicies: {deny: [make]}\n';
    for (const flag of ['w', 'r+'] as const) {
      await writeFile(file, before);
      const opened = openConfigurationFile(folder, { beforeRename: () => writeFileSync(file, mine, { flag }) });
      assert.equal(opened.replace(after, hash), false);
      assert.equal(await readFile(file, 'utf8'), mine);
    }
    await writeFile(file, before);
    assert.equal(openConfigurationFile(folder, { beforeRename: () => rmSync(file) }).replace(after, hash), false);
    assert.deepEqual(await readdir(folder), []);
  });

  test('keeps mode and owner', async () => {
    const root = process.getuid?.() === 0;
    const [uid, gid] = root ? [4_711, 4_712] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    for (const mode of [0o600, 0o640, 0o664]) {
      await writeFile(file, before);
      await chmod(file, mode);
      await chown(file, uid, gid);
      assert.equal(openConfigurationFile(folder).replace(after, hash), true);
      const now = await stat(file);
      assert.deepEqual([now.mode & 0o777, now.uid, now.gid], [mode, uid, gid]);
    }
  });

  test('leaves a link a link, and replaces what it points at', async () => {
    const elsewhere = path.join(folder, 'dotfiles');
    await mkdir(elsewhere);
    await writeFile(path.join(elsewhere, 'mine.yaml'), before);
    await rm(file);
    await symlink('dotfiles/mine.yaml', file);
    assert.equal(openConfigurationFile(folder).replace(after, hash), true);
    assert.equal((await lstat(file)).isSymbolicLink(), true);
    assert.equal(await readlink(file), 'dotfiles/mine.yaml');
    assert.equal(await readFile(path.join(elsewhere, 'mine.yaml'), 'utf8'), after);
    assert.deepEqual(await readdir(elsewhere), ['mine.yaml']);
  });

  test('makes it where there is none, for nobody else to read, also behind a link that leads nowhere', async () => {
    await rm(file);
    assert.equal(openConfigurationFile(folder).replace(after, null), true);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(openConfigurationFile(folder).replace(before, null), false);
    await rm(file);
    await symlink('nowhere.yaml', file);
    assert.equal(openConfigurationFile(folder).read().found, false);
    assert.equal(openConfigurationFile(folder).replace(after, null), true);
    assert.equal(await readFile(file, 'utf8'), after);
  });
});
