import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { makeApproval } from './testing/fake-services.ts';
import { connectNative, type NativeClient } from './testing/native-client.ts';
import { startTestGateway, testToken, type TestGateway } from './testing/test-gateway.ts';

/** Says it and gives the answer that the conversation got. */
async function answerTo(client: NativeClient, text: string, id: string = randomUUID()): Promise<string> {
  client.send({ type: 'message', id, text });
  return String((await client.frame('final'))['text']);
}
const connectOwner = async (megabot: TestGateway): Promise<NativeClient> => await connectNative(megabot.gateway.wsPort, { token: testToken });
const start = async (): Promise<TestGateway> => await startTestGateway({ wsPassword: '' });

test('!run becomes a turn with exactly that command', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  client.send({ type: 'message', id: randomUUID(), text: '!run ls -la' });
  await client.frame('accepted');
  assert.deepEqual(megabot.fakes.appended.map(({ text, command, reply }) => [text, command, reply]), [['!run ls -la', 'ls -la', undefined]]);
});

test('!approve with a shortened id approves as the owner over this channel, and the history has question and answer', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval({ command: 'git push' });
  megabot.fakes.approvals.set(approval.id, approval);
  assert.match(await answerTo(client, `!approve ${approval.shortId}`), /Approved .*`git push`/);
  assert.deepEqual(megabot.fakes.decisions.map(({ decision, actor }) => [decision, actor.principal, actor.channel]), [['approve', 'owner', 'native']]);
  assert.match(String(megabot.fakes.appended[0]?.reply), /Approved/);
});

test('a bare !approve lists what waits and never picks, even where one waits', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval();
  megabot.fakes.approvals.set(approval.id, approval);
  const answer = await answerTo(client, '!approve');
  assert.ok(answer.includes(approval.shortId));
  assert.equal(megabot.fakes.decisions.length, 0);
});

test('expired, decided, unknown and ambiguous ids are four different answers', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  for (const approval of [makeApproval({ id: 'aa11', status: 'expired' }), makeApproval({ id: 'bb22', status: 'rejected' }), makeApproval({ id: 'cc33' }), makeApproval({ id: 'cc44' })]) megabot.fakes.approvals.set(approval.id, approval);
  const answers = [await answerTo(client, '!approve aa'), await answerTo(client, '!approve bb'), await answerTo(client, '!approve zz'), await answerTo(client, '!approve cc')];
  for (const [index, expected] of [/has expired/, /already rejected/, /There is no approval/, /fits several/].entries()) assert.match(String(answers[index]), expected);
  assert.equal(new Set(answers).size, 4);
  assert.equal(megabot.fakes.decisions.length, 0);
});

test('a decision that is sent again stands, and is no contradiction', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval();
  megabot.fakes.approvals.set(approval.id, approval);
  await answerTo(client, `!approve ${approval.id}`);
  assert.match(await answerTo(client, `!approve ${approval.id}`), /is approved/);
  assert.equal(megabot.fakes.decisions.length, 1);
});

test('!no takes a reason along', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval();
  megabot.fakes.approvals.set(approval.id, approval);
  assert.match(await answerTo(client, `!no ${approval.shortId} not on a Friday`), /Rejected/);
  assert.equal(megabot.fakes.decisions[0]?.reason, 'not on a Friday');
});

test('the memory is away: the decision stands, the error says so, and the same id writes it without doing it again', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval();
  megabot.fakes.approvals.set(approval.id, approval);
  megabot.fakes.failing.set('append', new ServiceError('unavailable', 'the database is away'));
  const id = randomUUID();
  client.send({ type: 'message', id, text: `!approve ${approval.id}` });
  const error = await client.frame('error');
  assert.deepEqual([error['code'], error['ref']], ['unavailable', id]);
  assert.match(String(error['message']), /stands, but .* could not be written/);
  megabot.fakes.failing.clear();
  assert.match(await answerTo(client, `!approve ${approval.id}`, id), /^Approved/);
  assert.equal(megabot.fakes.decisions.length, 1);
});

test('the interlock is away: nothing is decided and nothing is written', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  megabot.fakes.failing.set('decide', new ServiceError('unavailable', 'the database is away'));
  client.send({ type: 'message', id: randomUUID(), text: '!approve abcdef' });
  assert.equal((await client.frame('error'))['code'], 'unavailable');
  assert.equal(megabot.fakes.appended.length, 0);
});

test('!allow and !deny edit the policy; a pattern that cannot be used is explained', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!allow git status'), /`git status` is now on the allow list/);
  assert.match(await answerTo(client, '!allow git status'), /already/);
  assert.match(await answerTo(client, '!deny curl'), /`curl` is now on the deny list/);
  assert.match(await answerTo(client, '!policies'), /Denied:\n\n1\. `rm -rf`\n2\. `curl`\n\nAllowed without asking:\n\n3\. `ls`\n4\. `git status`/);
  megabot.fakes.failing.set('policyEdit', new ServiceError('policy_invalid', '`l*` may not begin with a wildcard.'));
  assert.match(await answerTo(client, '!allow l*'), /was not changed: `l\*` may not/);
});

test('!allow * answers with the danger, !deny * with how to come out of it', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!allow *'), /Danger: every shell command/);
  assert.match(await answerTo(client, '!deny *'), /Lockdown[\s\S]*entering the token again/);
});

test('!deny with the beginning of a pending id asks what was meant', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval({ id: 'k3f9x2abcdef', shortId: 'k3f9x2' });
  megabot.fakes.approvals.set(approval.id, approval);
  assert.match(await answerTo(client, '!deny K3F9'), /!reject k3f9x2/);
  assert.equal(megabot.fakes.edits.length, 0);
});

test('!mode changes this conversation and says what the mode means', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!mode'), /mode `ask`/);
  assert.match(await answerTo(client, '!mode plan'), /now in mode `plan`/);
  assert.match(await answerTo(client, '!mode fast'), /no such mode[\s\S]*stays `plan`/);
});

test('an unknown command is answered and never becomes a question for the model', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!aprove abc'), /!help/);
  assert.ok(megabot.fakes.appended.every(({ reply }) => reply !== undefined));
});

test('what could disguise a command is shown as an escape in the answer', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval({ command: 'ls\u202e\u200b' });
  megabot.fakes.approvals.set(approval.id, approval);
  assert.ok((await answerTo(client, '!approve')).includes('ls\\u{202e}\\u{200b}'));
});

test('an id that was used for another text is refused before the command does anything', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const id = randomUUID();
  await answerTo(client, '!help', id);
  client.send({ type: 'message', id, text: '!allow git push' });
  assert.equal((await client.frame('error'))['code'], 'conflict');
  assert.equal(megabot.fakes.edits.length, 0);
});

test('a command in a conversation that does not exist does nothing', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  client.send({ type: 'message', id: randomUUID(), conversation: 'nowhere', text: '!allow git push' });
  assert.equal((await client.frame('error'))['code'], 'not_found');
  assert.equal(megabot.fakes.edits.length, 0);
});

test('a command that was stored is not carried out again, over another connection, over HTTP, or by a gateway that was restarted', async () => {
  await using megabot = await start();
  const id = randomUUID();
  const text = '!allow git push';
  let first: string;
  {
    await using client = await connectOwner(megabot);
    client.send({ type: 'message', id, text });
    first = String((await client.frame('accepted'))['turnId']);
  }
  await using restarted = await megabot.restartGateway();
  await using client = await connectNative(restarted.wsPort, { token: testToken });
  client.send({ type: 'message', id, text });
  assert.equal((await client.frame('accepted'))['turnId'], first);
  const response = await fetch(`http://127.0.0.1:${restarted.httpPort}/api/v1/conversations/default/messages`, {
    method: 'POST', headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ text, idempotencyKey: id }),
  });
  assert.deepEqual([response.status, ((await response.json()) as { turnId: string }).turnId], [202, first]);
  assert.equal(megabot.fakes.edits.length, 1);
});

test('the memory is away from the start: what permits something does nothing, because nobody could say whether it was done before; what stops something is done', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  for (const name of ['turnGet', 'append']) megabot.fakes.failing.set(name, new ServiceError('unavailable', 'the database is away'));
  client.send({ type: 'message', id: randomUUID(), text: '!allow git push' });
  assert.match(String((await client.frame('error'))['message']), /Nothing was done/);
  client.send({ type: 'message', id: randomUUID(), text: '!deny *' });
  assert.match(String((await client.frame('error'))['message']), /stands.*Lockdown/);
  assert.deepEqual(megabot.fakes.edits.map(({ edit }) => edit), [{ op: 'add', list: 'deny', pattern: '*' }]);
});

test('!allow says first what the pattern would have covered lately, then that it is in force', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  megabot.fakes.recent.push('git status --short', 'git push', 'ls');
  const answer = await answerTo(client, '!allow git status');
  assert.match(answer, /^Of the 3 different commands asked for lately it would have let these run without asking:\n\n- `git status --short`\n\n`git status` is now on the allow list\. `!undo` takes it back/);
  assert.match(await answerTo(client, '!allow make'), /^Of the 3 different commands asked for lately it covers none\./);
});

test('!allow whose preview cannot be had changes nothing', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  megabot.fakes.failing.set('policyPreview', new ServiceError('policy_invalid', '`* *` covers everything.'));
  assert.match(await answerTo(client, '!allow * *'), /was not changed: `\* \*` covers everything/);
  assert.equal(megabot.fakes.edits.length, 0);
});

test('!policies remove takes out what the number meant when it was shown, and otherwise shows the list anew', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!policies remove 1'), /may have changed since you saw them, so nothing was removed/);
  assert.match(await answerTo(client, '!policies remove 2'), /`ls` is no longer on the allow list/);
  await answerTo(client, '!allow make');
  assert.match(await answerTo(client, '!policies remove 1'), /nothing was removed/, 'the list has changed since');
  assert.match(await answerTo(client, '!policies remove 9'), /no rule 9/);
  assert.match(await answerTo(client, '!policies remove everything'), /Nothing was changed/);
  assert.deepEqual(megabot.fakes.edits.map(({ edit }) => edit), [{ op: 'remove', list: 'allow', pattern: 'ls' }, { op: 'add', list: 'allow', pattern: 'make' }]);
});

test('!policies lists what is allowed for one conversation too, and takes it back', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  megabot.fakes.policy = { ...megabot.fakes.policy, grants: [{ id: 'g1', conversation: 'default', command: 'npm test', grantedBy: 'owner', grantedAt: 1, expiresAt: 1_700_000_000_000 }] };
  assert.match(await answerTo(client, '!policies'), /Allowed for one conversation:\n\n3\. `npm test`, until 2023-11-14 22:13 UTC/);
  assert.match(await answerTo(client, '!policies remove 3'), /`npm test` asks again/);
  assert.deepEqual(megabot.fakes.revoked.map(({ id }) => id), ['g1']);
});

test('!pending lists what waits, !why says how it came to that', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!pending'), /Nothing waits/);
  const approval = makeApproval({ command: 'git push', expiresAt: Date.now() + 600_000 });
  megabot.fakes.approvals.set(approval.id, approval);
  assert.match(await answerTo(client, '!pending'), /One approval waits.*!approve <id>[\s\S]*medium risk, expires in 10 min\): `git push`/);
  assert.match(await answerTo(client, `!why ${approval.shortId}`), /`git push`[\s\S]*\*\*ask\*\*[\s\S]*characters 1 to 8[\s\S]*Approval .*: pending/);
  assert.match(await answerTo(client, '!why zzzz'), /Nothing has the id/);
  assert.match(await answerTo(client, '!why'), /Say which/);
});

test('an approval that does not exist is answered with where to see those that do', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval({ id: 'k3f9x2abcdef', shortId: 'k3f9x2' });
  megabot.fakes.approvals.set(approval.id, approval);
  assert.match(await answerTo(client, '!approve zzzz'), /no approval .*k3f9x2.*!pending/);
});

test('!test shows parts, rules and places, and nothing is submitted', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!test rm -rf /'), /\*\*Ask\*\*.*Nothing was run[\s\S]*1\. `rm -rf \/` \(characters 1 to 8\): \*\*ask\*\*; no rule covers it[\s\S]*It only looks harmless/);
  assert.deepEqual(megabot.fakes.tested, [{ command: 'rm -rf /' }]);
  assert.equal(megabot.fakes.submitted.length + megabot.fakes.edits.length + megabot.fakes.decisions.length, 0);
  assert.match(await answerTo(client, '!test'), /Say which command/);
});

test('!undo says which version is back; where there is none it says so', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!undo'), /no such earlier version[\s\S]*Nothing was changed/);
  megabot.fakes.versions.push({ id: 7, at: 1, by: 'owner', summary: 'allow: + git push', version: 'v7' });
  assert.match(await answerTo(client, '!undo'), /as version 7/);
  assert.match(await answerTo(client, '!undo 7'), /as version 7/);
  assert.match(await answerTo(client, '!undo yesterday'), /no number of a version/);
  assert.deepEqual(megabot.fakes.undone.map(({ to }) => to), [undefined, 7]);
});

test('an undo that a gateway did and could not write down before it crashed is not done again for the same id, and is for another', async () => {
  await using megabot = await start();
  megabot.fakes.versions.push({ id: 7, at: 1, by: 'owner', summary: 'allow: + git push', version: 'v7' });
  const id = randomUUID();
  {
    await using client = await connectOwner(megabot);
    megabot.fakes.failing.set('append', new ServiceError('unavailable', 'the database is away'));
    client.send({ type: 'message', id, text: '!undo' });
    assert.match(String((await client.frame('error'))['message']), /stands/);
  }
  megabot.fakes.failing.clear();
  const restarted = await megabot.restartGateway();
  await using client = await connectNative(restarted.wsPort, { token: testToken });
  assert.match(await answerTo(client, '!undo', id), /was carried out before: version 7/);
  assert.equal(megabot.fakes.undone.length, 1);
  await answerTo(client, '!undo');
  assert.equal(megabot.fakes.undone.length, 2);
});

test('!lockdown is !deny *, !unlock says how and lifts nothing', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  assert.match(await answerTo(client, '!lockdown'), /Lockdown[\s\S]*entering the token again/);
  assert.deepEqual(megabot.fakes.edits.map(({ edit }) => edit), [{ op: 'add', list: 'deny', pattern: '*' }]);
  assert.match(await answerTo(client, '!unlock'), /not lifted from chat[\s\S]*entering the token/);
  assert.equal(megabot.fakes.edits.length, 1);
});

test('!status names what does not work and what waits', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval();
  megabot.fakes.approvals.set(approval.id, approval);
  megabot.fakes.failing.set('memory.ping', new ServiceError('unavailable', 'the database is away'));
  assert.match(await answerTo(client, '!status'), /memory: \*\*does not work\*\* \(unavailable: the database is away\)[\s\S]*waiting for a decision: 1/);
});

test('what the policy denies by the time it is approved is not called approved', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  const approval = makeApproval({ command: 'git push' });
  megabot.fakes.approvals.set(approval.id, approval);
  megabot.fakes.deniedByNow.add(approval.id);
  assert.match(await answerTo(client, `!approve ${approval.shortId}`), /was not approved, it is rejected/);
});

test('an undo that would write over a change by hand says which version to name', async () => {
  await using megabot = await start();
  await using client = await connectOwner(megabot);
  megabot.fakes.failing.set('policyUndo', new ServiceError('policy_conflict', 'The last change was made by hand.', { hint: 'Name the version that you want back; the one before is 4.' }));
  assert.match(await answerTo(client, '!undo'), /was not changed: The last change was made by hand\. Name the version .* 4/);
});
