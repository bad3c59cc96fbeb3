import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '@megabot/contracts/queues.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { collector, deferred, freshId, untilAborted, type BusHarness } from './samples-for-compliance.ts';

/** The promises of work queues, whatever carries them. */
export function testQueues(harness: () => BusHarness): void {
  test('work that was queued before anybody worked is done, each message once among the replicas', async () => {
    await using memory = await harness().open('memory');
    await using one = await harness().open('orchestrator');
    await using two = await harness().open('orchestrator');
    const ids = Array.from({ length: 10 }, freshId);
    for (const id of ids.slice(0, 5)) await memory.enqueue(turns, { turnId: id }, id);
    const done = collector<string>();
    const perReplica = [0, 0];
    for (const [index, replica] of [one, two].entries()) {
      await replica.work(turns, { concurrency: 1 }, async ({ turnId }) => {
        perReplica[index] = (perReplica[index] ?? 0) + 1;
        await sleep(5);
        done.add(turnId);
      });
    }
    for (const id of ids.slice(5)) await memory.enqueue(turns, { turnId: id }, id);
    await done.until(10);
    await sleep(20);
    assert.deepEqual(done.items.toSorted(), ids.toSorted());
    assert.ok(perReplica.every((count) => count > 0), `shared as ${perReplica.join(' and ')}`);
  });

  test('a message whose handler fails comes again, and says which attempt it is', async () => {
    await using memory = await harness().open('memory');
    await using orchestrator = await harness().open('orchestrator');
    const attempts = collector<number>();
    await orchestrator.work(turns, { concurrency: 1, retryMs: 10 }, async (_, { attempt }) => {
      attempts.add(attempt);
      if (attempt < 3) throw new Error('not yet');
    });
    await memory.enqueue(turns, { turnId: 't' }, freshId());
    assert.deepEqual(await attempts.until(3), [1, 2, 3]);
  });

  test('a consumer that gives no sign of life loses its message to another replica', async () => {
    await using memory = await harness().open('memory');
    const silent = await harness().open('orchestrator');
    await using alive = await harness().open('orchestrator');
    const taken = deferred();
    const release = deferred();
    await silent.work(turns, { concurrency: 1 }, async () => {
      taken.resolve();
      await release.promise;
    });
    await memory.enqueue(turns, { turnId: 'lost' }, freshId());
    await taken.promise;
    const got = collector<{ turnId: string; attempt: number }>();
    await alive.work(turns, { concurrency: 1 }, async ({ turnId }, { attempt }) => got.add({ turnId, attempt }));
    assert.deepEqual(await got.until(1), [{ turnId: 'lost', attempt: 2 }]);
    release.resolve();
    await silent.close();
  });

  test('a consumer that says it is working keeps its message', async () => {
    await using memory = await harness().open('memory');
    await using slow = await harness().open('orchestrator');
    await using other = await harness().open('orchestrator');
    const begun = deferred();
    const finished = deferred();
    const stolen: string[] = [];
    await slow.work(turns, { concurrency: 1 }, async (_, delivery) => {
      begun.resolve();
      for (let beat = 0; beat < 8; beat++) {
        await sleep(harness().ackWaitMs / 3);
        delivery.working();
      }
      finished.resolve();
    });
    await memory.enqueue(turns, { turnId: 'kept' }, freshId());
    await begun.promise;
    await other.work(turns, { concurrency: 1 }, async ({ turnId }) => void stolen.push(turnId));
    await finished.promise;
    await sleep(harness().ackWaitMs);
    assert.deepEqual(stolen, []);
  });

  test('a consumer that is stopped in the middle is told so, and its message goes to another replica at once', async () => {
    await using memory = await harness().open('memory');
    await using one = await harness().open('orchestrator');
    await using two = await harness().open('orchestrator');
    const taken = deferred();
    const working = await one.work(turns, { concurrency: 1, retryMs: 60_000 }, async (_, { signal }) => {
      taken.resolve();
      await untilAborted(signal);
    });
    await memory.enqueue(turns, { turnId: 'handed-on' }, freshId());
    await taken.promise;
    const got = collector<string>();
    await working.stop();
    await two.work(turns, { concurrency: 1 }, async ({ turnId }) => got.add(turnId));
    assert.deepEqual(await got.until(1), ['handed-on']);
  });

  test('the same id is stored once, also after it was worked on', async () => {
    await using memory = await harness().open('memory');
    await using orchestrator = await harness().open('orchestrator');
    const done = collector<string>();
    await orchestrator.work(turns, { concurrency: 1 }, async ({ turnId }) => done.add(turnId));
    const id = freshId();
    await memory.enqueue(turns, { turnId: 'once' }, id);
    await done.until(1);
    await memory.enqueue(turns, { turnId: 'once' }, id);
    await memory.enqueue(turns, { turnId: 'next' }, freshId());
    assert.deepEqual(await done.until(2), ['once', 'next']);
  });

  test('no more handlers run at a time than were asked for', async () => {
    await using memory = await harness().open('memory');
    await using orchestrator = await harness().open('orchestrator');
    let running = 0;
    let most = 0;
    const done = collector<string>();
    await orchestrator.work(turns, { concurrency: 3 }, async ({ turnId }) => {
      most = Math.max(most, ++running);
      await sleep(15);
      running--;
      done.add(turnId);
    });
    await Promise.all(Array.from({ length: 12 }, () => memory.enqueue(turns, { turnId: 't' }, freshId())));
    await done.until(12);
    assert.equal(most, 3);
  });

  test('only the publisher of a queue may add to it, and only its consumer may work on it', async () => {
    await using gateway = await harness().open('gateway');
    await using memory = await harness().open('memory');
    await assert.rejects(gateway.enqueue(turns, { turnId: 't' }, freshId()), { code: 'forbidden' });
    await assert.rejects(memory.work(turns, { concurrency: 1 }, async () => undefined), { code: 'forbidden' });
    await assert.rejects(memory.enqueue(turns, { turnId: 'not an id' }, freshId()), { code: 'bad_request' });
  });
}
