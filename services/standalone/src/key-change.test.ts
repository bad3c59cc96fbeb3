import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startWhole } from './testing/whole.ts';

test('the audit log verifies over a change of the permit key, and no longer without what was kept of the key before it', async () => {
  await using megabot = await startWhole({ model: { url: 'http://127.0.0.1:9' } });
  const verify = async () => (await megabot.call('POST', '/api/v1/audit/verify', {})).json as { ok: boolean; firstBreak: { problem: string } | null };
  const secret = (name: string): string => join(megabot.home, 'secrets', name);
  const entries = async () => (await megabot.call('GET', '/api/v1/audit')).json['entries'] as { event: string; subject: Record<string, string> }[];
  const keep = await readFile(secret('permit_public'), 'utf8');

  await megabot.stop();
  await rm(secret('permit_seed'));
  await megabot.start();
  assert.equal(await readFile(secret('permit_earlier'), 'utf8'), keep);
  assert.deepEqual(await verify().then(({ ok, firstBreak }) => [ok, firstBreak]), [true, null]);
  const change = (await entries()).find(({ event }) => event === 'permit_key_changed');
  assert.deepEqual(change?.subject, { from: keep.trim(), to: (await readFile(secret('permit_public'), 'utf8')).trim() });

  await megabot.stop();
  await rm(secret('permit_earlier'));
  await megabot.start();
  assert.match((await verify()).firstBreak?.problem ?? '', /signed by a key that is not ours/);
});
