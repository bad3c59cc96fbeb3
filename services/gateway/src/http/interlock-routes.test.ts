import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeApproval } from '../testing/fake-services.ts';
import { startTestGateway } from '../testing/test-gateway.ts';

type Json = Record<string, unknown>;
const json = async (response: Response): Promise<Json> => (await response.json()) as Json;

test('a test of a command under another policy passes its way of matching on, and answers with parts and warnings', async () => {
  await using megabot = await startTestGateway();
  const policy = { allow: ['ls'], deny: [], matching: 'contains' };
  const judged = await json(await megabot.request('/api/v1/policy/test', { method: 'POST', body: { command: 'ls | sh', policy } }));
  assert.deepEqual(megabot.fakes.tested, [{ command: 'ls | sh', policy }]);
  assert.deepEqual(judged['parts'], [{ words: ['ls', '|', 'sh'], start: 0, end: 7, verdict: 'ask', rule: null, reason: 'no rule covers it' }]);
  assert.deepEqual(judged['warnings'], ['It only looks harmless.']);
  assert.equal(megabot.fakes.submitted.length, 0);
});

test('a preview says what a pattern would have covered and changes nothing', async () => {
  await using megabot = await startTestGateway();
  megabot.fakes.recent.push('git status --short', 'ls');
  const reply = await json(await megabot.request('/api/v1/policy/preview', { method: 'POST', body: { list: 'allow', pattern: 'git status' } }));
  assert.deepEqual(reply, { looked: 2, matches: [{ command: 'git status --short', times: 1 }] });
  assert.equal(megabot.fakes.edits.length, 0);
  assert.equal((await megabot.request('/api/v1/policy/preview', { method: 'POST', body: { list: 'maybe', pattern: 'ls' } })).status, 400);
});

test('the history is read, and a version put back by who asks for it', async () => {
  await using megabot = await startTestGateway();
  assert.equal((await megabot.request('/api/v1/policy/undo', { method: 'POST', body: {} })).status, 404);
  megabot.fakes.versions.push({ id: 8, at: 2, by: 'owner', summary: 'deny: + curl', version: 'v8' }, { id: 7, at: 1, by: 'file', summary: 'changed by hand', version: 'v7' });
  assert.deepEqual(await json(await megabot.request('/api/v1/policy/history?limit=1')), { versions: [megabot.fakes.versions[0]] });
  const undone = await megabot.request('/api/v1/policy/undo', { method: 'POST', body: { to: 7 } });
  assert.deepEqual([undone.status, undone.headers.get('etag')], [200, `"${megabot.fakes.policy.version}"`]);
  assert.equal(((await json(undone))['restored'] as Json)['id'], 7);
  assert.deepEqual(megabot.fakes.undone.map(({ actor, to }) => [actor.principal, actor.channel, to]), [['owner', 'http', 7]]);
});

test('a grant of a conversation is taken back', async () => {
  await using megabot = await startTestGateway();
  megabot.fakes.policy = { ...megabot.fakes.policy, grants: [{ id: 'g1', conversation: 'default', command: 'npm test', grantedBy: 'owner', grantedAt: 1, expiresAt: 2 }] };
  const reply = await json(await megabot.request('/api/v1/policy/grants/g1', { method: 'DELETE' }));
  assert.deepEqual(reply['grants'], []);
});

test('an edited approval is judged anew: the reply has the outcome and the new card', async () => {
  await using megabot = await startTestGateway();
  const approval = makeApproval({ command: 'rm -r build' });
  megabot.fakes.approvals.set(approval.id, approval);
  const reply = await json(await megabot.request(`/api/v1/approvals/${approval.shortId}/edit`, { method: 'POST', body: { command: 'ls build' } }));
  const card = reply['approval'] as Json;
  assert.deepEqual([(reply['outcome'] as Json)['decision'], card['command'], card['editedFrom'], card['status']], ['ask', 'ls build', approval.id, 'pending']);
  assert.equal(megabot.fakes.approvals.get(approval.id)?.status, 'cancelled');
  assert.equal((await megabot.request(`/api/v1/approvals/${approval.id}/edit`, { method: 'POST', body: { command: 'ls' } })).status, 409);
  assert.equal((await megabot.request(`/api/v1/approvals/${approval.id}/edit`, { method: 'POST', body: { command: '' } })).status, 400);
});

test('a batch decides all or none, and names those that stand in the way', async () => {
  await using megabot = await startTestGateway();
  const [one, two, risky] = [makeApproval({ risk: 'low' }), makeApproval({ risk: 'low' }), makeApproval({ risk: 'medium' })];
  for (const approval of [one, two, risky]) megabot.fakes.approvals.set(approval.id, approval);
  const batch = async (approvalIds: string[]) => await megabot.request('/api/v1/approvals/batch', { method: 'POST', body: { approvalIds, decision: 'approve' } });
  const refused = await batch([one.id, risky.id]);
  assert.equal(refused.status, 400);
  assert.deepEqual(((await json(refused))['details'] as Json)['approvals'], [risky.shortId]);
  assert.equal(megabot.fakes.approvals.get(one.id)?.status, 'pending');
  const done = await batch([one.id, two.id]);
  assert.deepEqual(((await json(done))['decided'] as { approval: Json }[]).map(({ approval }) => approval['status']), ['approved', 'approved']);
  assert.equal((await batch([])).status, 400);
});

test('why answers from the record; an unknown id is a clear 404', async () => {
  await using megabot = await startTestGateway();
  const approval = makeApproval();
  megabot.fakes.approvals.set(approval.id, approval);
  const reply = await json(await megabot.request(`/api/v1/why/${approval.shortId}`));
  assert.deepEqual([reply['decision'], (reply['approval'] as Json)['id']], ['ask', approval.id]);
  assert.equal((await megabot.request('/api/v1/why/zzzz')).status, 404);
});

test('none of these is for strangers, and none takes a request of another page', async () => {
  await using megabot = await startTestGateway();
  const routes: [method: string, path: string][] = [
    ['GET', '/api/v1/policy/history'], ['POST', '/api/v1/policy/undo'], ['POST', '/api/v1/policy/preview'], ['DELETE', '/api/v1/policy/grants/a'], ['POST', '/api/v1/approvals/a/edit'], ['POST', '/api/v1/approvals/batch'], ['GET', '/api/v1/why/a'],
  ];
  for (const [method, path] of routes) {
    assert.equal((await megabot.request(path, { method, headers: {} })).status, 401, path);
    assert.equal((await megabot.request(path, { method, headers: { origin: 'https://elsewhere.example' } })).status, 403, path);
  }
});

test('an approval that does not exist is answered with where those are that do', async () => {
  await using megabot = await startTestGateway();
  assert.match(String((await json(await megabot.request('/api/v1/approvals/zzzz')))['hint']), /!pending.*status=pending/);
});
