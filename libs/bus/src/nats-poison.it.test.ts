import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jetstream } from '@nats-io/jetstream';
import { settled } from '@megabot/contracts/events.ts';
import { turns } from '@megabot/contracts/queues.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import { eventSubject, queueSubject } from '@megabot/contracts/subjects.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startNats } from '@megabot/testing/nats.ts';
import { connectNats } from './nats.ts';
import { collector } from './samples-for-compliance.ts';

test('a message that cannot be read keeps none after it from being handled', { timeout: 60_000 }, async () => {
  const nats = await startNats();
  try {
    const open = async (service: ServiceName) => await connectNats({ service, servers: nats.url, nkeySeed: nats.seeds[service], logger: silentLogger(), connectDeadlineMs: 5_000 });
    await using memory = await open('memory');
    await using orchestrator = await open('orchestrator');
    await using interlock = await open('interlock');
    const raw = { interlock: await nats.connect('interlock'), memory: await nats.connect('memory') };
    const event = { conversation: 'default', turnId: 'turn', key: 'turn:0:0' };
    for (const body of ['', 'no JSON', '\u0000', '{}', JSON.stringify({ ...event, key: 'of a later version' })]) {
      await jetstream(raw.interlock).publish(eventSubject(settled, 'default'), body);
      await jetstream(raw.memory).publish(queueSubject(turns), body);
    }
    await interlock.publish(settled, event, { conversation: 'default' });
    await memory.enqueue(turns, { turnId: 'turn' }, 'turn:1');

    const heard = collector<unknown>();
    await memory.follow(async ({ payload }) => heard.add(payload));
    assert.deepEqual(await heard.until(1), [event]);
    const worked = collector<unknown>();
    await orchestrator.work(turns, { concurrency: 1 }, async (payload) => worked.add(payload));
    assert.deepEqual(await worked.until(1), [{ turnId: 'turn' }]);
    await Promise.all(Object.values(raw).map((connection) => connection.close()));
  } finally {
    await nats.close();
  }
});
