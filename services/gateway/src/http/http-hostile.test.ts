import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { Problem } from '@megabot/contracts/http.ts';
import { startTestGateway, testToken, type TestGateway } from '../testing/test-gateway.ts';

const owner = { authorization: `Bearer ${testToken}` };
const problemOf = async (response: Response) => {
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  return Problem.parse(await response.json());
};
/** fetch does not let a test choose `Host`. */
async function statusWithHost(megabot: TestGateway, host: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port: megabot.gateway.httpPort, path: '/livez', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject).end();
  });
}

describe('Host and Origin', () => {
  test('only loopback names with our ports, and the names the owner gave, are ours', async () => {
    await using megabot = await startTestGateway();
    const { httpPort } = megabot.gateway;
    for (const host of [`127.0.0.1:${httpPort}`, `localhost:${httpPort}`, `[::1]:${httpPort}`, 'LOCALHOST:5173', 'megabot.example']) assert.equal(await statusWithHost(megabot, host), 200, host);
    for (const host of [`evil.example:${httpPort}`, '127.0.0.1', 'localhost:9999', `127.0.0.1.evil.example:${httpPort}`, 'megabot.example:8443']) assert.ok((await statusWithHost(megabot, host)) >= 400, host);
  });
  test('a page of another origin gets nothing, with the right token or cookie either', async () => {
    await using megabot = await startTestGateway();
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:3000', 'https://localhost:5173', 'http://megabot.example']) {
      const response = await megabot.request('/api/v1/conversations', { headers: { ...owner, origin } });
      assert.deepEqual([response.status, (await problemOf(response)).code], [403, 'foreign_origin'], origin);
    }
    assert.equal((await megabot.request('/api/v1/conversations', { headers: { ...owner, origin: megabot.origin } })).status, 200);
  });
  test('an unsafe method with the cookie needs an Origin of ours', async () => {
    await using megabot = await startTestGateway();
    const signedIn = await megabot.request('/api/v1/session', { method: 'POST', body: { token: testToken }, headers: { origin: megabot.origin } });
    const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const make = async (headers: Record<string, string>) => (await megabot.request('/api/v1/conversations', { method: 'POST', body: {}, headers })).status;
    assert.equal(await make({ cookie }), 403);
    assert.equal(await make({ cookie, origin: megabot.origin }), 201);
  });
});

describe('what is malformed is a problem with a code and a hint', () => {
  const cases: [name: string, init: RequestInit & { path: string }, status: number, code: string][] = [
    ['no token', { path: '/api/v1/conversations', headers: {} }, 401, 'unauthenticated'],
    ['a wrong token', { path: '/api/v1/conversations', headers: { authorization: 'Bearer wrong' } }, 401, 'unauthenticated'],
    ['a token in the query', { path: `/api/v1/conversations?token=${testToken}`, headers: {} }, 401, 'unauthenticated'],
    ['a cookie of garbage', { path: '/api/v1/conversations', headers: { cookie: 'megabot_session=%%%; a=b' } }, 401, 'unauthenticated'],
    ['a wrong token at sign-in', { path: '/api/v1/session', method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"token":"not-the-token-of-this-megabot"}' }, 401, 'auth_failed'],
    ['a sign-in code of garbage', { path: '/api/v1/session', method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"code":"garbage"}' }, 401, 'auth_failed'],
    ['a wrong token to lift a lockdown, by somebody who is signed in', { path: '/api/v1/unlock', method: 'POST', headers: { ...owner, 'content-type': 'application/json' }, body: '{"token":"not-the-token-of-this-megabot"}' }, 401, 'auth_failed'],
    ['a sign-in of a megabyte, by somebody who has proved nothing', { path: '/api/v1/session', method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token: 'x'.repeat(500_000) }) }, 413, 'too_large'],
    ['an unknown path', { path: '/api/v1/nothing', headers: owner }, 404, 'not_found'],
    ['an unknown path without a token', { path: '/nothing', headers: {} }, 404, 'not_found'],
    ['another method', { path: '/api/v1/conversations/default', method: 'PUT', headers: owner }, 405, 'method_not_allowed'],
    ['a body that is no JSON', { path: '/api/v1/conversations', method: 'POST', headers: { ...owner, 'content-type': 'application/json' }, body: '{{{' }, 400, 'bad_request'],
    ['an empty body', { path: '/api/v1/conversations', method: 'POST', headers: { ...owner, 'content-type': 'application/json' }, body: '' }, 400, 'bad_request'],
    ['a form', { path: '/api/v1/conversations', method: 'POST', headers: { ...owner, 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' }, 415, 'unsupported_media_type'],
    ['plain text, as a form of another site could send it', { path: '/api/v1/session', method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"token":"x"}' }, 415, 'unsupported_media_type'],
    ['a text that is a number', { path: '/api/v1/conversations/default/messages', method: 'POST', headers: { ...owner, 'content-type': 'application/json' }, body: '{"text":5}' }, 400, 'bad_request'],
    ['an id that would be a subject', { path: '/api/v1/turns/a.b', headers: owner }, 400, 'bad_request'],
    ['a cursor of garbage', { path: '/api/v1/audit?cursor=-1', headers: owner }, 400, 'bad_request'],
    ['a body over 1 MiB', { path: '/api/v1/memory', method: 'POST', headers: { ...owner, 'content-type': 'application/json' }, body: JSON.stringify({ items: [{ text: 'x'.repeat(1_100_000) }] }) }, 413, 'too_large'],
    ['an event id of garbage', { path: '/api/v1/events', headers: { ...owner, 'last-event-id': 'garbage' } }, 400, 'bad_request'],
    ['__proto__ in a body', { path: '/api/v1/conversations', method: 'POST', headers: { ...owner, 'content-type': 'application/json' }, body: '{"__proto__":{"admin":true}}' }, 400, 'bad_request'],
  ];
  for (const [name, { path, ...init }, status, code] of cases) {
    test(name, async () => {
      await using megabot = await startTestGateway();
      const response = await fetch(megabot.base + path, init);
      const problem = await problemOf(response);
      assert.deepEqual([response.status, problem.status, problem.code], [status, status, code]);
      assert.ok(problem.hint.length > 0);
    });
  }
  test('the message names the field, and 405 the methods', async () => {
    await using megabot = await startTestGateway();
    const wrong = await problemOf(await megabot.request('/api/v1/conversations/default/messages', { method: 'POST', body: { text: 5 } }));
    assert.match(wrong.detail, /body\.text/);
    assert.match((await megabot.request('/api/v1/turns/abc', { method: 'DELETE' })).headers.get('allow') ?? '', /GET/);
  });
  test('unknown fields are tolerated', async () => {
    await using megabot = await startTestGateway();
    assert.equal((await megabot.request('/api/v1/conversations', { method: 'POST', body: { title: 'Plans', colour: 'blue' } })).status, 201);
  });
});

describe('connections that only cost', () => {
  for (const [name, head] of [
    ['headers', 'GET /livez HTTP/1.1\r\nHost: 127'],
    ['body', `POST /api/v1/session HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"to`],
  ] as const) {
    test(`slow ${name} are cut off while others are served`, async () => {
      await using megabot = await startTestGateway({ limits: { headersMs: 60, requestMs: 120 } });
      const slow = connect(megabot.gateway.httpPort, '127.0.0.1');
      slow.on('error', () => {}).resume();
      slow.write(head.replace('HOST', `127.0.0.1:${megabot.gateway.httpPort}`));
      assert.equal((await megabot.request('/livez')).status, 200);
      await once(slow, 'close');
    });
  }
  test('garbage instead of HTTP is closed', async () => {
    await using megabot = await startTestGateway();
    const garbage = connect(megabot.gateway.httpPort, '127.0.0.1');
    garbage.on('error', () => {}).resume();
    garbage.write('\u0000\u0001garbage\r\n\r\n');
    await once(garbage, 'close');
    assert.equal((await megabot.request('/livez')).status, 200);
  });
});
