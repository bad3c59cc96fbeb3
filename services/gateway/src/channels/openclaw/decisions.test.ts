import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { createMemoryStore } from './testing/memory-store.ts';
import { startTestBridge, until, untilState, type TestBridge } from './testing/bridge.ts';
import type { StoredAnswer } from './store.ts';

const dayMs = 86_400_000;
const conflict = (error: unknown): boolean => isServiceError(error, 'conflict');
const sends = (bridge: TestBridge): string[] => bridge.gateway.requests.filter(({ method }) => method === 'send').map(({ params }) => String(params['message']));
const refusal = { error: { code: 'INVALID_REQUEST', message: 'blocked by the user' } };
/** Two messages at the limit of the platform. */
const twoParts = `${'a'.repeat(3_000)}\n\n${'b'.repeat(3_000)}`;

/** A bridge that is connected and has heard of a chat. */
async function startHeard(options: Parameters<typeof startTestBridge>[0] = {}): Promise<TestBridge> {
  const bridge = await startTestBridge(options);
  await untilState(bridge, 'connected');
  bridge.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => bridge.taken.length === 1);
  return bridge;
}
async function say(bridge: TestBridge, id: string, text: string): Promise<void> {
  const [to] = bridge.taken;
  assert.ok(to);
  await bridge.link.send({ id, to, sessionKey: to.sessionKey, text });
}

test('what another process discards after it was read and before it was taken up is not sent, and the next answer goes out', async () => {
  const kept = createMemoryStore();
  const store = {
    ...kept,
    async openAnswers(): Promise<readonly StoredAnswer[]> {
      const open = await kept.openAnswers();
      if (open.some(({ id }) => id === 'a1')) await kept.decide('a1', 'discard', Date.now());
      return open;
    },
  };
  await using bridge = await startHeard({ link: { store } });
  await say(bridge, 'a1', 'not this');
  await say(bridge, 'a2', 'but this');
  await until('the second', () => bridge.gateway.sent.length === 1);
  assert.deepEqual(sends(bridge), ['but this']);
});

test('what is discarded while it waits is not sent when its time comes', async () => {
  let now = Date.now();
  await using bridge = await startHeard({ link: { clock: () => now } });
  bridge.gateway.script.answer = ({ method }) => (method === 'send' ? refusal : undefined);
  await say(bridge, 'a1', 'first');
  await until('the refusal', async () => (await bridge.store.undelivered(1)).length === 1);
  bridge.gateway.script.answer = () => undefined;
  await bridge.store.decide('a1', 'discard', now);
  now += 10_000;
  bridge.link.wake();
  await say(bridge, 'a2', 'second');
  await until('the second', () => bridge.gateway.sent.length === 1);
  assert.deepEqual(sends(bridge), ['first', 'second']);
});

test('discarding while a part is sent keeps the parts after it back; the last part says that it is being sent', async () => {
  await using bridge = await startHeard();
  const decisions: Promise<unknown>[] = [];
  bridge.gateway.script.answer = ({ method, params }) => {
    const last = params['message'] === 'short';
    if (method === 'send' && decisions.length === (last ? 1 : 0)) {
      decisions.push(bridge.store.decide(last ? 'a2' : 'a1', 'discard', Date.now()).then(({ state, nextPart, uncertain }) => [state, nextPart, uncertain], conflict));
    }
    return undefined;
  };
  await say(bridge, 'a1', twoParts);
  await until('the first part', () => decisions.length === 1);
  assert.deepEqual(await decisions[0], ['discarded', 0, true]);
  await say(bridge, 'a2', 'short');
  await until('the other', () => decisions.length === 2);
  assert.equal(await decisions[1], true, 'a conflict');
  await until('its receipt', () => bridge.link.status().counters.answers_delivered === 1);
  assert.deepEqual(sends(bridge).map((text) => text[0]), ['a', 's']);
  await assert.rejects(bridge.store.decide('a2', 'retry', Date.now()), conflict);
});

test('trying again comes before the pause is over, under a fresh key as after every refusal', async () => {
  const now = Date.now();
  // Time stands still, so the pause never is over.
  await using bridge = await startHeard({ link: { clock: () => now } });
  bridge.gateway.script.answer = ({ method }) => (method === 'send' ? refusal : undefined);
  await say(bridge, 'a1', 'first');
  await until('the refusal', async () => (await bridge.store.undelivered(1)).length === 1);
  bridge.gateway.script.answer = () => undefined;
  await bridge.store.decide('a1', 'retry', now);
  bridge.link.wake();
  await until('its arrival', () => bridge.link.status().counters.answers_delivered === 1);
  assert.equal(new Set(bridge.gateway.requests.filter(({ method }) => method === 'send').map(({ params }) => params['idempotencyKey'])).size, 2);
});

for (const [what, noted] of [['OpenClaw noted as sent is not sent', true], ['OpenClaw knows nothing of is sent once, under its old key', false]] as const) {
  test(`an uncertain part whose day was over and that ${what}${noted ? ' again' : ''}`, async () => {
    await using bridge = await startHeard();
    const [to] = bridge.taken;
    assert.ok(to);
    const { platform, account, kind, chat } = to;
    const now = Date.now();
    const key = 'megabot:a1:0:0';
    if (noted) await say(bridge, 'a1', 'only once');
    if (noted) await until('the first time', () => bridge.link.status().counters.answers_delivered === 1);
    // More than a page of what came since.
    for (let n = 0; n < 250; n++) bridge.gateway.receive({ text: `${n}`, from: '1001' }, { quiet: true });
    const old: StoredAnswer = {
      id: 'a1', address: { platform, account, kind, chat }, sessionKey: to.sessionKey, parts: ['only once'], state: 'failed', ending: 'expired', nextPart: 0, round: 0, uncertain: true,
      attempts: 3, createdAt: now - dayMs, nextTryAt: now - 60_000, expiresAt: now - 1_000, reason: 'It could not be delivered within a day.',
    };
    if (noted) await bridge.store.saveAnswer(old);
    else await bridge.store.addAnswer(old);
    await bridge.store.decide('a1', 'retry', now);
    bridge.link.wake();
    await until('its arrival', async () => (await bridge.store.undelivered(1)).length === 0);
    const keys = bridge.gateway.requests.filter(({ method }) => method === 'send').map(({ params }) => params['idempotencyKey']);
    assert.deepEqual([keys, bridge.gateway.sent.length], [[key], 1]);
  });
}
