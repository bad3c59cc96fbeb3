import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { verifyText, keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import { canonicalJson } from '@megabot/contracts/canonical.ts';
import { events } from '@megabot/contracts/events.ts';
import { makeApproval } from './testing/fake-services.ts';
import { connectNative } from './testing/native-client.ts';
import { startTestGateway, testPassword, testToken } from './testing/test-gateway.ts';

for (const [name, wsPassword] of [['encrypted', testPassword], ['clear', '']] as const) {
  test(`${name}: a message is accepted once it is stored, and the answer arrives`, async () => {
    await using megabot = await startTestGateway({ wsPassword });
    await using client = await connectNative(megabot.gateway.wsPort, { token: testToken, ...(wsPassword === '' ? {} : { password: wsPassword }) });
    assert.equal(client.welcome.type, 'welcome');
    assert.equal(client.welcome['principal'], 'owner');
    assert.equal(client.welcome['resumeFrom'], 0);

    const id = randomUUID();
    client.send({ type: 'message', id, conversation: 'default', text: 'hello' });
    const accepted = await client.frame('accepted');
    assert.equal(accepted['id'], id);
    assert.deepEqual(megabot.fakes.appended.map(({ text, messageKey }) => [text, messageKey]), [['hello', id]]);

    await megabot.fakes.memoryBus.publish(events.final, { conversation: 'default', turnId: String(accepted['turnId']), messageId: 'm2', text: 'hi', status: 'done' });
    const final = await client.frame('final');
    assert.equal(final['text'], 'hi');
    assert.equal(final['seq'], 1);
  });
}

test('the turn carries a ticket that the interlock can verify', async () => {
  await using megabot = await startTestGateway();
  await using client = await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
  client.send({ type: 'message', id: randomUUID(), text: 'hello' });
  await client.frame('accepted');
  const ticket = megabot.fakes.tickets[0];
  assert.ok(ticket);
  assert.equal(ticket.claims.principal, 'owner');
  assert.equal(ticket.claims.trust, 'owner');
  assert.equal(ticket.claims.conversation, 'default');
  const { publicKey } = keyPairFromSeed(Buffer.alloc(32, 9).toString('base64url'));
  assert.ok(verifyText(publicKey, Buffer.from(`megabot-origin-v1\n${canonicalJson(ticket.claims)}`), ticket.signature));
});

test('a message that cannot be stored is not accepted, and the same id is stored once', async () => {
  await using megabot = await startTestGateway();
  await using client = await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
  const message = { type: 'message', id: randomUUID(), text: 'hello' };
  megabot.fakes.failing.set('append', new ServiceError('unavailable', 'the database is away'));
  client.send(message);
  const error = await client.frame('error');
  assert.deepEqual([error['code'], error['ref']], ['unavailable', message.id]);
  assert.match(String(error['hint']), /same id/);

  megabot.fakes.failing.clear();
  client.send(message);
  const first = await client.frame('accepted');
  client.send(message);
  const second = await client.frame('accepted');
  assert.deepEqual(second, first);
  assert.equal(megabot.fakes.appended.length, 1);
});

test('an approval shows, a decision is recorded with who made it, and everybody sees it', async () => {
  await using megabot = await startTestGateway();
  await using client = await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
  await using other = await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
  const approval = makeApproval();
  megabot.fakes.approvals.set(approval.id, approval);
  await megabot.fakes.interlockBus.publish(events.approval, { conversation: 'default', approval });
  const shown = await client.frame('approval');
  assert.deepEqual(shown['approval'], approval);

  client.send({ type: 'decide', approvalId: approval.shortId, decision: 'approve' });
  assert.equal((await client.frame('decided'))['status'], 'approved');
  assert.equal((await other.frame('decided'))['by'], 'owner');
  assert.deepEqual(megabot.fakes.decisions[0]?.actor, { principal: 'owner', trust: 'owner', channel: 'native' });

  client.send({ type: 'decide', approvalId: approval.shortId, decision: 'reject' });
  const error = await client.frame('error');
  assert.deepEqual([error['code'], error['ref']], ['approval_decided', approval.shortId]);
});

test('output and states of a run arrive as run frames, and a lockdown as a notice', async () => {
  await using megabot = await startTestGateway();
  await using client = await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
  const run = { conversation: 'default', runId: 'r1', turnId: 't1' };
  await megabot.fakes.interlockBus.publish(events.runState, { ...run, status: 'running', exitCode: null, command: 'ls', driver: 'docker' });
  await megabot.fakes.sandboxBus.publish(events.output, { ...run, stream: 'stdout', index: 0, chunk: 'a file\n' });
  await megabot.fakes.interlockBus.publish(events.runState, { ...run, status: 'exited', exitCode: 0, command: 'ls', driver: 'docker' });
  await megabot.fakes.interlockBus.publish(events.lockdown, { epoch: 1, lockdown: true });
  const frames = [await client.frame('run'), await client.frame('run'), await client.frame('run'), await client.frame('notice')];
  assert.deepEqual(frames.slice(0, 3).map((frame) => [frame['stream'], frame['chunk']]), [['status', 'running docker'], ['stdout', 'a file\n'], ['status', 'exited 0']]);
  assert.match(String(frames[3]?.['text']), /Lockdown/);
  assert.deepEqual(frames.map((frame) => frame['seq']), [1, 2, 3, 4]);
});

test('cancelling ends the turn at the store and at the interlock; an ended turn is said to be ended', async () => {
  await using megabot = await startTestGateway();
  await using client = await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
  client.send({ type: 'message', id: randomUUID(), text: 'hello' });
  const { turnId } = await client.frame('accepted');
  client.send({ type: 'cancel', turnId });
  client.send({ type: 'cancel', turnId });
  const error = await client.frame('error');
  assert.deepEqual([error['code'], error['ref']], ['turn_ended', turnId]);
});

test('ping is answered with pong', async () => {
  await using megabot = await startTestGateway();
  await using client = await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
  client.send({ type: 'ping' });
  assert.deepEqual(await client.frame(), { type: 'pong' });
});

test('accepted comes before the events of its turn, and all events stay in order', async () => {
  await using megabot = await startTestGateway({ wsPassword: '' });
  await using client = await connectNative(megabot.gateway.wsPort, { token: testToken });
  const id = randomUUID();
  // The fake store announces the answer of a command before it replies, as the real one may.
  client.send({ type: 'message', id, text: '!help' });
  const [accepted, final] = [await client.frame(), await client.frame()];
  assert.deepEqual([accepted.type, accepted['id']], ['accepted', id]);
  assert.deepEqual([final.type, final['turnId']], ['final', accepted['turnId']]);
});
