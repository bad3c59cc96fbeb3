import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { events } from '@megabot/contracts/events.ts';
import { connectNative, type NativeClient } from './testing/native-client.ts';
import { startTestGateway, testPassword, testToken, type TestGateway } from './testing/test-gateway.ts';

const connectOwner = async (megabot: TestGateway): Promise<NativeClient> => await connectNative(megabot.gateway.wsPort, { token: testToken, password: testPassword });
const say = async (megabot: TestGateway, index: number): Promise<void> =>
  await megabot.fakes.orchestratorBus.publish(events.delta, { conversation: 'default', turnId: 't', attempt: 1, index, text: String(index) });

async function seqsUpTo(client: NativeClient, last: number): Promise<number[]> {
  const seqs: number[] = [];
  while (seqs.at(-1) !== last) seqs.push(Number((await client.frame('delta'))['seq']));
  return seqs;
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('a client that comes back gets what it missed, then goes on live, without gap or duplicate', async () => {
  await using megabot = await startTestGateway({ limits: { resumeGraceMs: 10_000 } });
  const first = await connectOwner(megabot);
  first.send({ type: 'resume', since: 0, epoch: first.welcome['epoch'] });
  await say(megabot, 1);
  await say(megabot, 2);
  assert.deepEqual(await seqsUpTo(first, 2), [1, 2]);
  await first[Symbol.asyncDispose]();
  for (let index = 3; index <= 500; index++) await say(megabot, index);

  await using second = await connectOwner(megabot);
  assert.equal(second.welcome['resumeFrom'], 500);
  // Events go on while the missed ones are replayed.
  second.send({ type: 'resume', since: 2, epoch: second.welcome['epoch'] });
  for (let index = 501; index <= 700; index++) await say(megabot, index);
  assert.deepEqual(await seqsUpTo(second, 700), range(3, 700));
});

test('events between welcome and resume come once, in their place', async () => {
  await using megabot = await startTestGateway({ limits: { resumeGraceMs: 10_000 } });
  for (let index = 1; index <= 5; index++) await say(megabot, index);
  await using client = await connectOwner(megabot);
  await say(megabot, 6);
  client.send({ type: 'resume', since: 3, epoch: client.welcome['epoch'] });
  await say(megabot, 7);
  assert.deepEqual(await seqsUpTo(client, 7), [4, 5, 6, 7]);
});

test('a resume that comes late brings only what was missed before the connection', async () => {
  await using megabot = await startTestGateway();
  for (let index = 1; index <= 4; index++) await say(megabot, index);
  await using client = await connectOwner(megabot);
  client.send({ type: 'message', id: randomUUID(), text: 'hello' });
  await client.frame('accepted');
  await say(megabot, 5);
  assert.deepEqual(await seqsUpTo(client, 5), [5]);
  client.send({ type: 'resume', since: 2, epoch: client.welcome['epoch'] });
  assert.deepEqual(await seqsUpTo(client, 4), [3, 4]);
  await say(megabot, 6);
  assert.deepEqual(await seqsUpTo(client, 6), [6]);
});

test('a client that never resumes hears live events from its welcome on', async () => {
  await using megabot = await startTestGateway();
  await say(megabot, 1);
  await using client = await connectOwner(megabot);
  await say(megabot, 2);
  assert.deepEqual(await seqsUpTo(client, 2), [2]);
});

for (const [name, since, epoch] of [
  ['another epoch', 1, 'another'],
  ['a place that does not exist yet', 1_000, undefined],
] as const) {
  test(`resume from ${name}: resume_gap, and the live stream goes on`, async () => {
    await using megabot = await startTestGateway();
    await say(megabot, 1);
    await using client = await connectOwner(megabot);
    client.send({ type: 'resume', since, epoch: epoch ?? client.welcome['epoch'] });
    assert.equal((await client.frame('error'))['code'], 'resume_gap');
    await say(megabot, 2);
    assert.deepEqual(await seqsUpTo(client, 2), [2]);
  });
}
