import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { handle } from '@megabot/bus/port.ts';
import { configGet } from '@megabot/contracts/endpoints/interlock.ts';
import { startTestGateway } from '../testing/test-gateway.ts';

const holder = { platform: 'telegram', sender: '1001' };
const routes: readonly [method: string, path: string, body?: unknown][] = [
  ['GET', '/api/v1/bridges'], ['POST', '/api/v1/bridges/openclaw/retry', {}], ['GET', '/api/v1/one-time-codes'], ['POST', '/api/v1/one-time-codes', holder],
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
  const retry = await megabot.request('/api/v1/bridges/openclaw/retry', { method: 'POST', body: {} });
  assert.equal(retry.status, 409);
  assert.match(((await retry.json()) as { hint: string }).hint, /OPENCLAW_URL/);
});

test('the rules of each messenger are told as they are in force', async () => {
  await using megabot = await startTestGateway();
  const telegram = { enabled: true, allowFrom: ['1001'], admins: [], approvals: 'code' as const, maxRisk: 'low' as const, ratePerMinute: 20 };
  const model = { localOnly: true, url: null, name: null, allowedHosts: [], contextTokens: 8_192 };
  await megabot.fakes.interlockBus.serve([handle(configGet, async () => ({ version: '1', model, bridges: { openclaw: { platforms: { telegram } } }, warnings: [] }))]);
  const { bridges } = (await (await megabot.request('/api/v1/bridges')).json()) as { bridges: unknown };
  assert.deepEqual(bridges, [{ name: 'openclaw', state: 'off', counters: {}, findings: [], undelivered: [], platforms: [{ name: 'telegram', ...telegram }] }]);
});
