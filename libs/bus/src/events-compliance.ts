import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cancel, configuration, delta, final, lockdown, settled } from '@megabot/contracts/events.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { collector, deltaOf, freshId, ofConversation, settledOf, type BusHarness } from './samples-for-compliance.ts';
import type { Bus } from './port.ts';

/** The steps of one conversation that `memory` hears of, as `settledOf` made them. */
const follow = async (memory: Bus, conversation: string, add: (key: string) => void | Promise<void>) =>
  await memory.follow(async (envelope) => {
    if (ofConversation(conversation, envelope)) await add((envelope.payload as { key: string }).key);
  });

/** The promises of events, whatever carries them. */
export function testEvents(harness: () => BusHarness): void {
  test('a follower gets every event that names it, in order, with growing places', async () => {
    await using orchestrator = await harness().open('orchestrator');
    await using memory = await harness().open('memory');
    await using interlock = await harness().open('interlock');
    await using gateway = await harness().open('gateway');
    const conversation = freshId();
    const heard = collector<{ topic: string; index: unknown; seq: number }>();
    await gateway.follow(async (envelope) => {
      if (!ofConversation(conversation, envelope)) return;
      heard.add({ topic: envelope.event.topic, index: (envelope.payload as { index?: number }).index, seq: envelope.seq });
    });
    for (let index = 0; index < 20; index++) await orchestrator.publish(delta, deltaOf(conversation, index), { conversation });
    await interlock.publish(settled, settledOf(conversation, 1), { conversation });
    await memory.publish(final, { conversation, turnId: 'turn', messageId: 'm', text: 'end', status: 'done' }, { conversation });
    const events = await heard.until(21);
    assert.deepEqual(events.map(({ topic }) => topic), [...Array.from({ length: 20 }, () => 'delta'), 'final']);
    assert.deepEqual(events.slice(0, 20).map(({ index }) => index), Array.from({ length: 20 }, (_, index) => index));
    assert.ok(events.every(({ seq }, index) => index === 0 || seq > (events[index - 1]?.seq ?? 0)));
  });

  test('a follower goes on where its service stopped', async () => {
    await using interlock = await harness().open('interlock');
    const conversation = freshId();
    const first = await harness().open('memory');
    const before = collector<string>();
    await follow(first, conversation, (key) => before.add(key));
    for (const step of [1, 2]) await interlock.publish(settled, settledOf(conversation, step), { conversation });
    await before.until(2);
    await first.close();
    for (const step of [3, 4]) await interlock.publish(settled, settledOf(conversation, step), { conversation });
    await using second = await harness().open('memory');
    const after = collector<string>();
    await follow(second, conversation, (key) => after.add(key));
    await after.until(2);
    await sleep(20);
    assert.deepEqual([before.items, after.items], [['turn:1:0', 'turn:2:0'], ['turn:3:0', 'turn:4:0']]);
  });

  test('an event whose handler fails comes again before the next one', async () => {
    await using interlock = await harness().open('interlock');
    await using memory = await harness().open('memory');
    const conversation = freshId();
    const heard = collector<string>();
    await follow(memory, conversation, (key) => {
      heard.add(key);
      if (heard.items.length === 1) throw new Error('once');
    });
    for (const step of [1, 2]) await interlock.publish(settled, settledOf(conversation, step), { conversation });
    assert.deepEqual(await heard.until(3), ['turn:1:0', 'turn:1:0', 'turn:2:0']);
  });

  test('replicas of a follower share its events and keep their order', async () => {
    await using interlock = await harness().open('interlock');
    await using one = await harness().open('memory');
    await using two = await harness().open('memory');
    const conversation = freshId();
    const heard = collector<string>();
    for (const replica of [one, two]) await follow(replica, conversation, (key) => heard.add(key));
    for (let step = 1; step <= 12; step++) await interlock.publish(settled, settledOf(conversation, step), { conversation });
    await heard.until(12);
    await sleep(20);
    assert.deepEqual(heard.items, Array.from({ length: 12 }, (_, index) => `turn:${index + 1}:0`));
  });

  test('a door that takes each event once is not held up by one it fails on', async () => {
    await using orchestrator = await harness().open('orchestrator');
    await using gateway = await harness().open('gateway');
    const conversation = freshId();
    const heard = collector<number>();
    await gateway.follow(async (envelope) => {
      if (!ofConversation(conversation, envelope)) return;
      heard.add((envelope.payload as { index: number }).index);
      throw new Error('always');
    });
    for (let index = 0; index < 3; index++) await orchestrator.publish(delta, deltaOf(conversation, index), { conversation });
    await heard.until(3);
    assert.deepEqual(heard.items, [0, 1, 2]);
  });

  test('listeners hear an event in every replica, and only while they listen', async () => {
    await using interlock = await harness().open('interlock');
    await using one = await harness().open('sandbox');
    await using two = await harness().open('sandbox');
    await interlock.publish(cancel, { runIds: ['before'] });
    const heard = collector<string>();
    const listening = await one.listen(cancel, ({ runIds }) => heard.add(`one ${runIds.join()}`));
    await two.listen(cancel, ({ runIds }) => heard.add(`two ${runIds.join()}`));
    await two.listen(lockdown, ({ epoch }) => heard.add(`epoch ${epoch}`));
    await interlock.publish(cancel, { runIds: ['a'] });
    await heard.until(2);
    await listening.stop();
    await interlock.publish(cancel, { runIds: ['b'] });
    await interlock.publish(lockdown, { epoch: 7, lockdown: true });
    await heard.until(4);
    await sleep(20);
    assert.deepEqual(heard.items.toSorted(), ['epoch 7', 'one a', 'two a', 'two b']);
  });

  test('a listener that fails hears the next event all the same', async () => {
    await using interlock = await harness().open('interlock');
    await using sandbox = await harness().open('sandbox');
    const heard = collector<number>();
    await sandbox.listen(cancel, ({ runIds }) => {
      heard.add(runIds.length);
      throw new Error('a listener broke');
    });
    await interlock.publish(cancel, { runIds: ['a'] });
    await interlock.publish(cancel, { runIds: ['a', 'b'] });
    assert.deepEqual(await heard.until(2), [1, 2]);
  });

  test('the same id is announced once', async () => {
    await using orchestrator = await harness().open('orchestrator');
    await using gateway = await harness().open('gateway');
    const conversation = freshId();
    const id = freshId();
    const { lastSeq } = await gateway.eventLog.info();
    for (const index of [0, 1]) await orchestrator.publish(delta, deltaOf(conversation, index), { conversation, id });
    assert.equal((await gateway.eventLog.info()).lastSeq, lastSeq + 1);
  });

  test('the log gives what came after a place, page by page', async () => {
    await using orchestrator = await harness().open('orchestrator');
    await using gateway = await harness().open('gateway');
    const conversation = freshId();
    const { lastSeq, epoch } = await gateway.eventLog.info();
    for (let index = 0; index < 5; index++) await orchestrator.publish(delta, deltaOf(conversation, index), { conversation });
    const first = await gateway.eventLog.read(lastSeq, 3);
    assert.deepEqual(first.events.map(({ seq, payload }) => [seq, payload]), [0, 1, 2].map((index) => [lastSeq + 1 + index, deltaOf(conversation, index)]));
    assert.deepEqual([first.next, first.done], [lastSeq + 3, false]);
    const second = await gateway.eventLog.read(first.next, 100);
    assert.deepEqual(second.events.map(({ payload }) => payload), [3, 4].map((index) => deltaOf(conversation, index)));
    assert.equal(second.done, true);
    assert.deepEqual(await gateway.eventLog.read(second.next, 100), { events: [], next: second.next, done: true });
    assert.equal((await gateway.eventLog.info()).epoch, epoch);
    assert.match(epoch, /^[A-Za-z0-9_-]{6,128}$/);
  });

  test('the oldest events leave the log, and a reader can see that there is a gap', async () => {
    await using orchestrator = await harness().open('orchestrator');
    await using gateway = await harness().open('gateway');
    const conversation = freshId();
    const { lastSeq } = await gateway.eventLog.info();
    const count = harness().maxEvents + 5;
    for (let index = 0; index < count; index += 20) {
      await Promise.all(Array.from({ length: Math.min(20, count - index) }, (_, offset) => orchestrator.publish(delta, deltaOf(conversation, index + offset), { conversation })));
    }
    const info = await gateway.eventLog.info();
    assert.equal(info.lastSeq, lastSeq + count);
    assert.equal(info.firstSeq, info.lastSeq - harness().maxEvents + 1);
    assert.ok(info.firstSeq > lastSeq + 1, 'the place the reader stopped at is gone');
    const { events } = await gateway.eventLog.read(lastSeq, 10);
    assert.equal(events[0]?.seq, info.firstSeq);
  });

  test('only its own service may publish an event, and only the named ones may hear it', async () => {
    await using gateway = await harness().open('gateway');
    await using orchestrator = await harness().open('orchestrator');
    await using sandbox = await harness().open('sandbox');
    await assert.rejects(gateway.publish(lockdown, { epoch: 1, lockdown: false }), { code: 'forbidden' });
    await assert.rejects(sandbox.listen(configuration, () => undefined), { code: 'forbidden' });
    await assert.rejects(sandbox.follow(async () => undefined), { code: 'forbidden' });
    await assert.rejects(sandbox.eventLog.info(), { code: 'forbidden' });
    await assert.rejects(orchestrator.eventLog.read(0, 1), { code: 'forbidden' });
  });

  test('an event that does not fit, or whose conversation is no id, is refused', async () => {
    await using orchestrator = await harness().open('orchestrator');
    await assert.rejects(orchestrator.publish(delta, { ...deltaOf('c', 1), index: 'one' as never }), { code: 'bad_request' });
    for (const conversation of ['a.b', '*', '>', 'a b', '']) {
      await assert.rejects(orchestrator.publish(delta, deltaOf('c', 1), { conversation }), { code: 'bad_request' });
    }
  });
}
