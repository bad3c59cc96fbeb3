import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { events } from '@megabot/contracts/events.ts';
import { createSignInCode } from '../sign-in-code.ts';
import { makeApproval, makeRun } from '../testing/fake-services.ts';
import { startTestGateway, testToken, type TestGateway } from '../testing/test-gateway.ts';

type Json = Record<string, unknown>;
const json = async (response: Response): Promise<Json> => (await response.json()) as Json;
const cookieOf = (response: Response): string => (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
const signIn = async (megabot: TestGateway): Promise<string> => cookieOf(await megabot.request('/api/v1/session', { method: 'POST', body: { token: testToken }, headers: { origin: megabot.origin } }));

describe('health', () => {
  test('strangers learn one word, the owner every service and what to worry about', async () => {
    await using megabot = await startTestGateway({ wsPassword: '' });
    assert.deepEqual(await json(await megabot.request('/health', { headers: {} })), { status: 'ok' });
    const report = await json(await megabot.request('/health'));
    assert.deepEqual(Object.keys(report['services'] as Json).sort(), ['gateway', 'interlock', 'memory', 'orchestrator', 'sandbox']);
    assert.match(JSON.stringify(report['warnings']), /Encryption of the native WebSocket is off.*Model: none is configured/);
  });
  test('a service that fails makes the whole degraded, and is named', async () => {
    await using megabot = await startTestGateway();
    megabot.fakes.failing.set('memory.ping', new ServiceError('unavailable', 'the database is away'));
    const report = await json(await megabot.request('/health'));
    assert.equal(report['status'], 'degraded');
    assert.match(JSON.stringify((report['services'] as Json)['memory']), /the database is away/);
  });
  test('liveness and readiness need nothing, metrics need the token', async () => {
    await using megabot = await startTestGateway();
    assert.equal((await megabot.request('/livez', { headers: {} })).status, 200);
    assert.equal((await megabot.request('/readyz', { headers: {} })).status, 200);
    assert.equal((await megabot.request('/metrics', { headers: {} })).status, 401);
    assert.match(await (await megabot.request('/metrics')).text(), /^megabot_gateway_connections 0$/m);
  });
});

describe('sessions', () => {
  test('the token opens a session whose cookie no script and no other site gets', async () => {
    await using megabot = await startTestGateway();
    const response = await megabot.request('/api/v1/session', { method: 'POST', body: { token: testToken }, headers: { origin: megabot.origin } });
    assert.equal(response.status, 200);
    const cookie = response.headers.get('set-cookie') ?? '';
    assert.match(cookie, /HttpOnly/);
    assert.match(cookie, /SameSite=Strict/);
    assert.doesNotMatch(cookie, /Secure/);
    assert.equal((await megabot.request('/api/v1/conversations', { headers: { cookie: cookieOf(response) } })).status, 200);
  });
  test('under a https origin the cookie is Secure', async () => {
    await using megabot = await startTestGateway();
    const response = await megabot.request('/api/v1/session', { method: 'POST', body: { token: testToken }, headers: { origin: 'https://megabot.example' } });
    assert.match(response.headers.get('set-cookie') ?? '', /; Secure/);
  });
  test('a sign-in code works once', async () => {
    await using megabot = await startTestGateway();
    const code = createSignInCode(testToken, Date.now());
    const use = async () => await megabot.request('/api/v1/session', { method: 'POST', body: { code }, headers: {} });
    assert.equal((await use()).status, 200);
    const again = await use();
    assert.deepEqual([again.status, (await json(again))['code']], [401, 'code_used']);
  });
  test('signing out ends the session at once', async () => {
    await using megabot = await startTestGateway();
    const cookie = await signIn(megabot);
    assert.equal((await megabot.request('/api/v1/session', { method: 'DELETE', headers: { cookie, origin: megabot.origin } })).status, 204);
    assert.equal((await megabot.request('/api/v1/conversations', { headers: { cookie } })).status, 401);
  });
  test('wrong tokens are refused, then limited, while the right one is served all the time', async () => {
    await using megabot = await startTestGateway({ limits: { failuresPerMinute: 3, failureDelayMs: 1 } });
    const attempts: number[] = [];
    for (let count = 0; count < 5; count++) attempts.push((await megabot.request('/api/v1/session', { method: 'POST', body: { token: `wrong ${count}` }, headers: {} })).status);
    assert.deepEqual(attempts, [401, 401, 401, 429, 429]);
    assert.equal((await megabot.request('/api/v1/conversations', { headers: { authorization: 'Bearer wrong' } })).status, 429);
    assert.equal((await megabot.request('/api/v1/conversations')).status, 200);
  });
  test('lifting a lockdown takes the token again, whoever is signed in', async () => {
    await using megabot = await startTestGateway();
    const headers = { cookie: await signIn(megabot), origin: megabot.origin };
    assert.equal((await megabot.request('/api/v1/unlock', { method: 'POST', body: { token: 'wrong' }, headers })).status, 401);
    assert.equal((await megabot.request('/api/v1/unlock', { method: 'POST', body: { token: testToken }, headers })).status, 200);
  });
});

describe('conversations and turns', () => {
  test('a message is answered with 202 once it is stored; the same key is stored once', async () => {
    await using megabot = await startTestGateway();
    const say = async () => await megabot.request('/api/v1/conversations/default/messages', { method: 'POST', body: { text: 'hello', idempotencyKey: 'k1' } });
    const [first, second] = [await say(), await say()];
    assert.equal(first.status, 202);
    assert.deepEqual(await json(second), await json(first));
    assert.equal(megabot.fakes.appended.length, 1);
    assert.equal(megabot.fakes.tickets[0]?.claims.principal, 'owner');
  });
  test('control commands are commands over HTTP too, with this channel', async () => {
    await using megabot = await startTestGateway();
    const approval = makeApproval();
    megabot.fakes.approvals.set(approval.id, approval);
    await megabot.request('/api/v1/conversations/default/messages', { method: 'POST', body: { text: `!approve ${approval.id}` } });
    assert.equal(megabot.fakes.decisions[0]?.actor.channel, 'http');
  });
  test('pages lead from the newest to the oldest', async () => {
    await using megabot = await startTestGateway();
    for (let count = 1; count <= 5; count++) await megabot.request('/api/v1/conversations/default/messages', { method: 'POST', body: { text: `message ${count}` } });
    const page = async (query: string) => (await json(await megabot.request(`/api/v1/conversations/default/messages?limit=2${query}`))) as { messages: { text: string }[]; nextCursor: string | null };
    const first = await page('');
    assert.deepEqual(first.messages.map(({ text }) => text), ['message 4', 'message 5']);
    const second = await page(`&cursor=${first.nextCursor}`);
    assert.deepEqual(second.messages.map(({ text }) => text), ['message 2', 'message 3']);
    const third = await page(`&cursor=${second.nextCursor}`);
    assert.deepEqual([third.messages.map(({ text }) => text), third.nextCursor], [['message 1'], null]);
  });
  test('conversations can be made, read and changed; unknown ones are 404', async () => {
    await using megabot = await startTestGateway();
    const made = await megabot.request('/api/v1/conversations', { method: 'POST', body: { title: 'Plans' } });
    assert.equal(made.status, 201);
    const path = made.headers.get('location') ?? '';
    assert.equal((await json(await megabot.request(path, { method: 'PATCH', body: { mode: 'plan' } })))['mode'], 'plan');
    assert.equal((await json(await megabot.request(path)))['title'], 'Plans');
    const missing = await megabot.request('/api/v1/conversations/nothing');
    assert.deepEqual([missing.status, (await json(missing))['code']], [404, 'not_found']);
  });
  test('a turn can be read and cancelled once', async () => {
    await using megabot = await startTestGateway();
    const { turnId } = await json(await megabot.request('/api/v1/conversations/default/messages', { method: 'POST', body: { text: 'hello' } }));
    assert.equal((await json(await megabot.request(`/api/v1/turns/${String(turnId)}`)))['status'], 'queued');
    const cancel = async () => await megabot.request(`/api/v1/turns/${String(turnId)}/cancel`, { method: 'POST' });
    assert.equal((await cancel()).status, 200);
    assert.deepEqual([(await cancel()).status, (await json(await cancel()))['code']], [409, 'turn_ended']);
  });
});

describe('actions, approvals, runs', () => {
  test('denied is 403 with the rule, asked is 202 with the approval', async () => {
    await using megabot = await startTestGateway();
    const act = async () => await megabot.request('/api/v1/actions', { method: 'POST', body: { kind: 'shell', command: 'rm -rf /' } });
    const denied = await act();
    assert.deepEqual([denied.status, await json(denied)], [403, { decision: 'deny', rule: 'rm', reasons: ['denied by a rule'] }]);
    megabot.fakes.submitOutcome = { decision: 'ask', approvalId: 'a1', shortId: 'a1', expiresAt: 9, reasons: ['no rule'] };
    const asked = await act();
    assert.deepEqual([asked.status, (await json(asked))['approvalId']], [202, 'a1']);
    const { key, ticket } = megabot.fakes.submitted[1] ?? assert.fail();
    assert.ok(key.startsWith(`${ticket.claims.turnId}:`));
  });
  test('the same Idempotency-Key is the same action to the interlock, another one is another', async () => {
    await using megabot = await startTestGateway();
    const act = async (key: string) => await megabot.request('/api/v1/actions', { method: 'POST', body: { kind: 'shell', command: 'ls' }, headers: { authorization: `Bearer ${testToken}`, 'idempotency-key': key } });
    for (const key of ['one', 'one', 'two']) await act(key);
    const keys = megabot.fakes.submitted.map(({ key }) => key);
    assert.equal(keys[0], keys[1]);
    assert.notEqual(keys[0], keys[2]);
  });
  test('an allowed action can be waited for until its run ends', async () => {
    await using megabot = await startTestGateway();
    const run = makeRun();
    megabot.fakes.runs.set(run.id, run);
    megabot.fakes.submitOutcome = { decision: 'allow', runId: run.id, warnings: [] };
    const waiting = megabot.request('/api/v1/actions', { method: 'POST', body: { kind: 'shell', command: 'ls', wait: 20 } });
    while (megabot.fakes.submitted.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    megabot.fakes.runs.set(run.id, { ...run, status: 'exited', exitCode: 0, output: 'a file\n' });
    await megabot.fakes.interlockBus.publish(events.runState, { conversation: 'default', runId: run.id, turnId: 'turn1', status: 'exited', exitCode: 0, command: 'ls', driver: 'docker' });
    const response = await waiting;
    const body = (await json(response)) as { decision: string; run: Json };
    assert.deepEqual([response.status, body.decision, body.run['status'], body.run['output']], [200, 'allow', 'exited', 'a file\n']);
  });
  test('an approval can be listed, read by a prefix and decided; a second word is another problem than an unknown id', async () => {
    await using megabot = await startTestGateway();
    const approval = makeApproval();
    megabot.fakes.approvals.set(approval.id, approval);
    const list = (await json(await megabot.request('/api/v1/approvals?status=pending'))) as { approvals: Json[] };
    assert.equal(list.approvals[0]?.['command'], approval.command);
    assert.equal((await json(await megabot.request(`/api/v1/approvals/${approval.shortId}`)))['id'], approval.id);
    const decide = async (id: string) => await megabot.request(`/api/v1/approvals/${id}`, { method: 'POST', body: { decision: 'approve' } });
    const decided = await json(await decide(approval.id));
    assert.deepEqual([decided['status'], decided['runId']], ['approved', 'run1']);
    assert.deepEqual([(await decide(approval.id)).status, (await decide('zzzzzz')).status], [409, 404]);
  });
  test('output is plain text that no browser shows as a page', async () => {
    await using megabot = await startTestGateway();
    const run = makeRun({ output: '<script>alert(1)</script>' });
    megabot.fakes.runs.set(run.id, run);
    const response = await megabot.request(`/api/v1/runs/${run.id}/output`);
    assert.equal(await response.text(), run.output);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(response.headers.get('content-disposition') ?? '', /^attachment/);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  });
});

describe('policy, audit and memory', () => {
  test('the policy is replaced only where nobody has changed it since it was read', async () => {
    await using megabot = await startTestGateway();
    const read = await megabot.request('/api/v1/policy');
    const etag = read.headers.get('etag') ?? '';
    assert.equal((await megabot.request('/api/v1/policy', { headers: { authorization: `Bearer ${testToken}`, 'if-none-match': etag } })).status, 304);
    const put = async () => await megabot.request('/api/v1/policy', { method: 'PUT', body: { allow: [], deny: ['curl'] }, headers: { authorization: `Bearer ${testToken}`, 'if-match': etag } });
    const first = await put();
    assert.equal(first.status, 200);
    assert.notEqual(first.headers.get('etag'), etag);
    const second = await put();
    assert.deepEqual([second.status, (await json(second))['code']], [412, 'policy_conflict']);
  });
  test('a command can be tried out, the record read and verified', async () => {
    await using megabot = await startTestGateway();
    assert.equal((await json(await megabot.request('/api/v1/policy/test', { method: 'POST', body: { command: 'git push' } })))['decision'], 'ask');
    assert.deepEqual(await json(await megabot.request('/api/v1/audit')), { entries: [], nextCursor: null });
    assert.equal((await json(await megabot.request('/api/v1/audit/verify', { method: 'POST' })))['ok'], true);
  });
  test('memory: remember, recall, forget what is named, export', async () => {
    await using megabot = await startTestGateway();
    const remembered = await megabot.request('/api/v1/memory', { method: 'POST', body: { items: [{ text: 'the cat is called Minka' }] } });
    assert.equal(remembered.status, 201);
    const { ids } = await json(remembered);
    assert.equal((await json(await megabot.request('/api/v1/memory/recall', { method: 'POST', body: { query: 'cat', k: 3 } })))['mode'], 'text');
    assert.equal((await json(await megabot.request('/api/v1/memory', { method: 'DELETE', body: { ids } })))['count'], 1);
    assert.equal((await megabot.request('/api/v1/memory', { method: 'DELETE', body: {} })).status, 400);
    assert.deepEqual(await json(await megabot.request('/api/v1/memory/export')), { items: [], nextCursor: null });
  });
});
