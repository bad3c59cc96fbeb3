import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { handle } from '@megabot/bus/port.ts';
import { bridgeAnswerDecide, bridgeAnswers } from '@megabot/contracts/endpoints/bridge.ts';
import { configGet } from '@megabot/contracts/endpoints/interlock.ts';
import { createMemoryStore } from '../channels/openclaw/testing/memory-store.ts';
import type { StoredAnswer } from '../channels/openclaw/store.ts';
import { startTestGateway } from '../testing/test-gateway.ts';

const holder = { platform: 'telegram', sender: '1001' };
const routes: readonly [method: string, path: string, body?: unknown][] = [
  ['GET', '/api/v1/bridges'], ['POST', '/api/v1/bridges/openclaw/retry', {}], ['POST', '/api/v1/bridges/openclaw/undelivered/a1/discard', {}], ['POST', '/api/v1/bridges/openclaw/undelivered/a1/retry', {}],
  ['GET', '/api/v1/one-time-codes'], ['POST', '/api/v1/one-time-codes', holder],
  ['POST', '/api/v1/one-time-codes/confirm', { ...holder, code: '123456' }], ['DELETE', '/api/v1/one-time-codes', holder],
];

test('bridges and one-time codes are for the owner alone: not for strangers, another page, or a paired device', async () => {
  await using megabot = await startTestGateway();
  const secret = Buffer.alloc(32, 3).toString('base64url');
  megabot.fakes.sessions.set(createHash('sha256').update(secret).digest('hex'), { sessionId: 's1', principal: 'device:phone', expiresAt: Date.now() + 60_000 });
  for (const [method, path, body] of routes) {
    const status = async (headers: Record<string, string>) => (await megabot.request(path, { method, ...(body === undefined ? {} : { body }), headers })).status;
    assert.equal(await status({}), 401, path);
    assert.equal(await status({ origin: 'https://elsewhere.example' }), 403, path);
    const asDevice = { cookie: `megabot_session=${secret}`, origin: megabot.origin };
    assert.equal(await status(asDevice), 403, path);
    assert.equal((await megabot.request('/api/v1/session', { headers: asDevice })).status, 200, 'the device is signed in');
  }
});

test('without a bridge it is said to be off, and another attempt says what is missing', async () => {
  await using megabot = await startTestGateway();
  assert.deepEqual(await (await megabot.request('/api/v1/bridges')).json(), { bridges: [{ name: 'openclaw', state: 'off', counters: {}, findings: [], undelivered: [] }] });
  for (const path of ['retry', 'undelivered/a1/discard', 'undelivered/a1/retry']) {
    const attempt = await megabot.request(`/api/v1/bridges/openclaw/${path}`, { method: 'POST', body: {} });
    assert.equal(attempt.status, 409);
    assert.match(((await attempt.json()) as { hint: string }).hint, /OPENCLAW_URL/);
  }
});

test('a gateway that does not hold the bridge discards an answer or has it tried, for who holds it, and says why where it cannot', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'megabot-bridge-routes-'));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(async () => await rm(stateDir, { recursive: true, force: true }));
  await using megabot = await startTestGateway({ openclaw: { url: 'ws://127.0.0.1:9', stateDir } });
  const store = createMemoryStore();
  const now = Date.now();
  const answer: StoredAnswer = {
    id: 'turn-1', address: { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' }, sessionKey: 's', parts: ['one', 'two'], state: 'pending', nextPart: 1, round: 1,
    uncertain: false, attempts: 2, createdAt: now, nextTryAt: now + 200_000, expiresAt: now + 86_400_000, reason: 'no',
  };
  await store.addAnswer(answer);
  await store.addAnswer({ ...answer, id: 'busy', uncertain: true, sendingUntil: now + 60_000 });
  await store.addAnswer({ ...answer, id: 'done', state: 'delivered' });
  const sent = (stored: StoredAnswer) => ({ ...stored, parts: [...stored.parts] });
  await megabot.fakes.memoryBus.serve([
    handle(bridgeAnswers, async ({ limit }) => ({ answers: (await store.undelivered(limit)).map(sent) })),
    handle(bridgeAnswerDecide, async ({ id, decision, now: at }) => ({ answer: sent(await store.decide(id, decision, at)) })),
  ]);
  const decide = async (id: string, decision: string) => {
    const response = await megabot.request(`/api/v1/bridges/openclaw/undelivered/${id}/${decision}`, { method: 'POST', body: {} });
    const body = (await response.json()) as { state?: string; message?: string; detail?: string };
    return [response.status, body.state ?? body.detail ?? '', body.message ?? ''] as const;
  };
  assert.deepEqual(await decide('turn-1', 'retry'), [200, 'pending', 'It is tried again within a minute, by the process that runs the bridge, after earlier answers to the same chat.']);
  assert.ok(((await store.openAnswers()).find(({ id }) => id === 'turn-1')?.nextTryAt ?? Infinity) < now + 100_000);
  assert.deepEqual(await decide('turn-1', 'discard'), [200, 'discarded', 'It was discarded. 1 of 2 messages were sent.']);
  const { bridges } = (await (await megabot.request('/api/v1/bridges')).json()) as { bridges: { undelivered: { id: string }[] }[] };
  assert.deepEqual(bridges[0]?.undelivered.map(({ id }) => id), ['busy']);
  for (const [id, decision, status, words] of [
    ['turn-1', 'retry', 409, /was discarded/], ['busy', 'discard', 409, /being sent right now/], ['busy', 'retry', 409, /being sent right now/],
    ['done', 'discard', 409, /arrived by now/], ['nobody', 'discard', 404, /no such answer/], ['nobody', 'retry', 404, /no such answer/],
  ] as const) {
    const [found, said] = await decide(id, decision);
    assert.equal(found, status, `${id} ${decision}`);
    assert.match(said, words);
  }
});

test('the rules of each messenger are told as they are in force', async () => {
  await using megabot = await startTestGateway();
  const telegram = { enabled: true, allowFrom: ['1001'], admins: [], approvals: 'code' as const, maxRisk: 'low' as const, ratePerMinute: 20 };
  const model = { localOnly: true, url: null, name: null, allowedHosts: [], contextTokens: 8_192 };
  await megabot.fakes.interlockBus.serve([handle(configGet, async () => ({ version: '1', model, bridges: { openclaw: { platforms: { telegram } } }, warnings: [] }))]);
  const { bridges } = (await (await megabot.request('/api/v1/bridges')).json()) as { bridges: unknown };
  assert.deepEqual(bridges, [{ name: 'openclaw', state: 'off', counters: {}, findings: [], undelivered: [], platforms: [{ name: 'telegram', ...telegram }] }]);
});
