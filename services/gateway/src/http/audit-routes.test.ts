import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Bus } from '@megabot/bus/port.ts';
import { AuditLine, type AuditRecord } from '@megabot/contracts/audit.ts';
import { auditExport } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { startTestGateway } from '../testing/test-gateway.ts';

const record = (seq: number): AuditRecord => ({
  seq, at: 1, event: 'judged', principal: 'owner', channel: null, conversation: seq % 2 === 0 ? 'even' : 'odd', verdict: 'allow', rule: 'ls', subject: {}, text: 'ls',
  textHash: 'a'.repeat(64), salt: 'b'.repeat(32), previousHash: '', hash: String(seq),
});

/** A gateway whose interlock is lost after so many pages. */
const losing = (pages: number) => (bus: Bus): Bus => {
  let asked = 0;
  const call: Bus['call'] = async (endpoint, ...rest) => {
    if ((endpoint as object) === auditExport && (asked += 1) > pages) throw new ServiceError('unavailable', 'gone');
    return await bus.call(endpoint, ...rest);
  };
  return new Proxy(bus, { get: (target, name) => (name === 'call' ? call : Reflect.get(target, name, target)) });
};

describe('the audit log over HTTP', () => {
  test('is exported whole, page by page, as JSON lines with an end', async () => {
    await using megabot = await startTestGateway();
    for (let seq = 1; seq <= 450; seq++) megabot.fakes.audit.push(record(seq));
    const response = await megabot.request('/api/v1/audit/export');
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^application\/x-ndjson/);
    const lines = (await response.text()).trimEnd().split('\n').map((line) => AuditLine.parse(JSON.parse(line)));
    assert.deepEqual(lines.slice(0, -1).map((line) => line.type === 'entry' && line.seq), Array.from({ length: 450 }, (_, index) => index + 1));
    assert.deepEqual(lines.at(-1), { type: 'end', entries: 450 });
  });

  test('fails as a problem where nothing could be read, and visibly where it broke off', async () => {
    {
      await using megabot = await startTestGateway({}, losing(0));
      const response = await megabot.request('/api/v1/audit/export');
      assert.deepEqual([response.status, response.headers.get('content-type')?.split(';')[0]], [503, 'application/problem+json']);
    }
    await using megabot = await startTestGateway({}, losing(1));
    for (let seq = 1; seq <= 450; seq++) megabot.fakes.audit.push(record(seq));
    const got = await megabot.request('/api/v1/audit/export').then((response) => response.text()).catch(() => 'broken off');
    assert.doesNotMatch(got, /"type":"end"/);
  });

  test('is open to nobody without a token', async () => {
    await using megabot = await startTestGateway();
    assert.equal((await megabot.request('/api/v1/audit/export', { headers: {} })).status, 401);
    assert.equal((await megabot.request('/api/v1/audit/texts', { method: 'DELETE', body: { conversation: 'even' }, headers: {} })).status, 401);
  });

  test('texts are erased by what they belong to, and nothing is erased by mistake', async () => {
    await using megabot = await startTestGateway();
    megabot.fakes.audit.push(record(1), record(2));
    const forget = async (body: unknown) => await megabot.request('/api/v1/audit/texts', { method: 'DELETE', body });
    for (const body of [{}, { conversation: 'even', before: 1 }, { everything: true }, { key: 'not a key' }]) assert.equal((await forget(body)).status, 400);
    assert.deepEqual(await (await forget({ conversation: 'even' })).json(), { texts: 1 });
    assert.deepEqual(megabot.fakes.audit.map((entry) => entry.text), ['ls', null]);
  });
});
