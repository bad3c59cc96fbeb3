import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LinkFailure } from './failure.ts';
import { openIdentity } from './identity.ts';

const url = 'ws://127.0.0.1:18789/';
const kept = { url, deviceToken: 'the-device-token-in-clear', pairedBy: 'mark' };

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'megabot-identity-'));
  try {
    await body(join(parent, 'state'));
  } finally {
    await rm(parent, { recursive: true });
  }
}

test('the identity is made once, for its owner alone', async () => {
  await withFolder(async (folder) => {
    const first = await openIdentity(folder, 'secret');
    await first.keepDeviceToken(kept);
    assert.equal((await openIdentity(folder, 'secret')).deviceId, first.deviceId);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    for (const name of await readdir(folder)) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
  });
});

test('a key file that others could read is closed, and that is told', async () => {
  await withFolder(async (folder) => {
    const { deviceId } = await openIdentity(folder, 'secret');
    await chmod(join(folder, 'identity.key'), 0o644);
    const again = await openIdentity(folder, 'secret');
    assert.deepEqual([again.wasOpen, again.deviceId, (await stat(join(folder, 'identity.key'))).mode & 0o777], [true, deviceId, 0o600]);
  });
});

test('the device token lies there sealed, and opens with this secret, for this gateway, and no other', async () => {
  await withFolder(async (folder) => {
    const identity = await openIdentity(folder, 'secret');
    await identity.keepDeviceToken(kept);
    for (const name of await readdir(folder)) assert.ok(!(await readFile(join(folder, name), 'utf8')).includes(kept.deviceToken), name);
    assert.deepEqual(await identity.deviceToken(url), { deviceToken: kept.deviceToken, pairedBy: 'mark' });
    assert.equal(await identity.deviceToken('ws://10.0.0.1/'), undefined);
    assert.equal(await (await openIdentity(folder, 'another secret')).deviceToken(url), undefined);
  });
});

test('a tampered token is none', async () => {
  await withFolder(async (folder) => {
    const identity = await openIdentity(folder, 'secret');
    await identity.keepDeviceToken(kept);
    const file = join(folder, 'device-token');
    const sealed = await readFile(file, 'utf8');
    await writeFile(file, `${sealed.slice(0, 30)}${sealed[30] === 'A' ? 'B' : 'A'}${sealed.slice(31)}`);
    assert.equal(await identity.deviceToken(url), undefined);
  });
});

test('a damaged key is a refusal that says so, never a new identity', async () => {
  await withFolder(async (folder) => {
    await openIdentity(folder, 'secret');
    await writeFile(join(folder, 'identity.key'), 'not a key', { mode: 0o600 });
    await assert.rejects(openIdentity(folder, 'secret'), (error: unknown) => error instanceof LinkFailure && error.problem.final && error.problem.reason === 'identity_unreadable');
    assert.equal(await readFile(join(folder, 'identity.key'), 'utf8'), 'not a key');
  });
});

test('a shared token is recognised by a mark that is not the token', async () => {
  await withFolder(async (folder) => {
    const identity = await openIdentity(folder, 'secret');
    assert.equal(identity.markOf('token'), (await openIdentity(folder, 'secret')).markOf('token'));
    assert.notEqual(identity.markOf('token'), identity.markOf('other'));
    assert.notEqual(identity.markOf('token'), (await openIdentity(folder, 'other secret')).markOf('token'));
  });
});
