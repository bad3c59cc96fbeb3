import assert from 'node:assert/strict';
import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSecretFiles } from './secret-files.ts';

const freshFolder = async () => join(await mkdtemp(join(tmpdir(), 'megabot-secrets-')), 'secrets');

test('a secret is made once, readable by its owner alone, and kept from then on', async () => {
  const folder = await freshFolder();
  const first = await openSecretFiles(folder);
  assert.equal(await first.ensure('token', () => 'made-first'), 'made-first');
  const second = await openSecretFiles(folder);
  assert.equal(await second.ensure('token', () => 'made-second'), 'made-first');
  assert.deepEqual([first.made, second.made], [['token'], []]);
  assert.equal((await stat(join(folder, 'token'))).mode & 0o777, 0o600);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
});

test('a derived value that is replaced is kept with those before it, once each', async () => {
  const folder = await freshFolder();
  for (const [value, earlier] of [['one', []], ['one', []], ['two', ['one']], ['three', ['one', 'two']], ['one', ['one', 'two', 'three']], ['two', ['one', 'two', 'three']]] as const) {
    const files = await openSecretFiles(folder);
    assert.deepEqual(await files.deriveKeeping('public', value, 'earlier'), earlier, value);
    assert.equal(await readFile(join(folder, 'public'), 'utf8'), `${value}\n`);
    assert.equal(await readFile(join(folder, 'earlier'), 'utf8'), `${earlier.join('\n')}\n`);
  }
  assert.equal((await stat(join(folder, 'earlier'))).mode & 0o777, 0o600);
});

test('a derived value is written only where it differs', async () => {
  const folder = await freshFolder();
  const files = await openSecretFiles(folder);
  await files.derive('nats/users.conf', 'one\ntwo');
  await files.derive('nats/users.conf', 'one\ntwo');
  assert.deepEqual(files.made, ['nats/users.conf']);
  await files.derive('nats/users.conf', 'three');
  assert.equal(await readFile(join(folder, 'nats/users.conf'), 'utf8'), 'three\n');
});
