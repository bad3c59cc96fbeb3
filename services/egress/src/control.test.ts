import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { startHarness, type Harness } from './testing/harness.ts';

suite('the socket where network is asked for', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
  });
  after(async () => await harness.close());

  /** What comes back for some bytes until the other side closes. */
  const say = async (bytes: string): Promise<string> =>
    await new Promise((resolve) => {
      let text = '';
      const socket = connect(harness.controlPath, () => socket.write(bytes));
      socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => undefined).once('close', () => resolve(text));
    });

  test('belongs to this user alone', async () => assert.equal((await stat(harness.controlPath)).mode & 0o777, 0o600));

  test('gives each run a network and a token of its own, and says that it has no more', async () => {
    const [one, two] = [await harness.grant('internet'), await harness.grant({ hosts: ['granted.example'] })];
    assert.deepEqual([one.reply.network, two.reply.network], ['run-0', 'run-1']);
    assert.notEqual(one.reply.token, two.reply.token);
    assert.deepEqual((await harness.ask({ runId: 'third', network: 'internet', lifetimeMs: 1_000 })).reply, { ok: false, reason: 'busy' });
    await one.end();
    const again = await harness.grant('internet');
    assert.equal(again.reply.network, 'run-0');
    assert.notEqual(again.reply.token, one.reply.token);
    await Promise.all([again.drop(), two.drop()]);
    await (await harness.grant('internet')).end();
  });

  test('keeps the network of a run that was lost with its sandbox, whose container may still be in it', async () => {
    const other = await startHarness({ slots: [{ network: 'run-0', address: '127.0.0.1' }], grantLimits: { connections: 1, bytes: 1, quarantineMs: 60_000 } });
    const ask = async (): Promise<boolean> => (await other.ask({ runId: 'next', network: 'internet', lifetimeMs: 1_000 })).reply.ok;
    await (await other.grant('internet')).end();
    await (await other.grant('internet')).drop();
    assert.equal(await ask(), false);
    await other.close();
  });

  for (const request of [
    'none', { hosts: [] }, { hosts: ['127.0.0.1'] }, { hosts: ['localhost'] }, { hosts: ['Granted.example'] }, { hosts: ['granted.example:22'] }, { hosts: ['*'] }, { hosts: ['granted.example'], more: true }, null,
  ]) {
    test(`refuses network ${JSON.stringify(request)}`, async () => {
      assert.deepEqual(JSON.parse(await say(`${JSON.stringify({ runId: 'run', network: request, lifetimeMs: 1_000 })}\n`)), { ok: false, reason: 'bad_request' });
    });
  }
  for (const bytes of ['x\n', '{}\n', '[]\n', '\n', '{"runId":"run","network":"internet"}\n', '{"runId":"run","network":"internet","lifetimeMs":-1}\n', '{"runId":"run","network":"internet","lifetimeMs":1e12}\n']) {
    test(`refuses ${JSON.stringify(bytes)}`, async () => assert.deepEqual(JSON.parse(await say(bytes)), { ok: false, reason: 'bad_request' }));
  }
  test('hangs up on a request without an end', async () => assert.equal(await say('x'.repeat(20_000)), ''));
});
