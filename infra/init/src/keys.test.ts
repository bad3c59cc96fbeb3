import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureKeys } from './keys.ts';

test('a permit key that is taken away is made anew, and the public half of the one before is kept', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'megabot-keys-'));
  const text = async (name: string): Promise<string> => await readFile(join(folder, name), 'utf8');
  try {
    await ensureKeys(folder);
    const [first, nobody] = [await text('permit_public'), await text('permit_earlier')];
    assert.deepEqual([await ensureKeys(folder), nobody], [[], '\n']);
    await rm(join(folder, 'permit_seed'));
    assert.deepEqual(await ensureKeys(folder), ['permit_seed', 'permit_earlier', 'permit_public']);
    assert.equal(await text('permit_earlier'), first);
    assert.notEqual(await text('permit_public'), first);
  } finally {
    await rm(folder, { recursive: true });
  }
});
