import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AckPolicy, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { runQueues } from '@megabot/contracts/queues.ts';
import { queueSubject } from '@megabot/contracts/subjects.ts';
import { startNats } from '@megabot/testing/nats.ts';
import { provisionStreams } from './provision-streams.ts';

test('an installation whose queue of runs had one consumer without a filter gets one for each executor', { timeout: 120_000 }, async () => {
  const nats = await startNats({ provision: false });
  try {
    const init = await nats.connect('init');
    const manager = await jetstreamManager(init);
    await manager.streams.add({ name: 'RUNS', subjects: [queueSubject(runQueues.sandbox)], retention: RetentionPolicy.Workqueue });
    await manager.consumers.add('RUNS', { durable_name: 'sandbox', ack_policy: AckPolicy.Explicit });
    await provisionStreams(init);
    await provisionStreams(init);
    for (const queue of Object.values(runQueues)) {
      const { config } = await manager.consumers.info('RUNS', queue.consumer);
      assert.equal(config.filter_subject, queueSubject(queue));
    }
    await init.close();
  } finally {
    await nats.close();
  }
});
