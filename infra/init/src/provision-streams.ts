import { AckPolicy, DeliverPolicy, DiscardPolicy, jetstreamManager, JetStreamApiError, RetentionPolicy, StorageType, type ConsumerConfig, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { duplicateWindowMs, followerTable } from '@megabot/contracts/consumers.ts';
import { consumerName, eventWildcard, everyEvent, queueSubject, streams, type StreamName } from '@megabot/contracts/subjects.ts';
import { queueTable } from '@megabot/contracts/table.ts';

export interface ProvisionOptions {
  /** Instead of the waits of the contracts; for tests. */
  readonly ackWaitMs?: number;
  /** Instead of no limit but bytes and age; for tests. */
  readonly maxEvents?: number;
}

const dayMs = 24 * 60 * 60_000;
const mebibyte = 1024 * 1024;
/** JetStream's word for a missing stream and a missing consumer. */
const notFound = [10_059, 10_014];

/**
 * Makes the streams and durable consumers of the contracts, and changes those that are there in place. Nothing is ever
 * deleted or purged: a second run does nothing, and one after an update of the tables only adds.
 * @throws JetStreamApiError where the server refuses a change, for instance of a stream's retention.
 */
export async function provisionStreams(nc: NatsConnection, options: ProvisionOptions = {}): Promise<void> {
  const manager = await jetstreamManager(nc);
  for (const stream of streamConfigs(options)) await ensureStream(manager, stream);
  for (const [stream, consumer] of consumerConfigs(options)) await ensureConsumer(manager, stream, consumer);
}

type Stream = Partial<StreamConfig> & { name: StreamName };

function streamConfigs({ maxEvents }: ProvisionOptions): Stream[] {
  const common = { storage: StorageType.File, num_replicas: 1, duplicate_window: nanos(duplicateWindowMs) };
  const queue = (name: 'TURNS' | 'GUEST_TURNS' | 'RUNS'): Stream => ({
    ...common,
    name,
    subjects: queueTable.filter(({ stream }) => stream === name).map(queueSubject),
    retention: RetentionPolicy.Workqueue,
    // A full queue refuses instead of forgetting: who adds to it has the work in its own store and adds it again.
    discard: DiscardPolicy.New,
    max_bytes: 256 * mebibyte,
    max_age: nanos(dayMs),
  });
  const events: Stream = {
    ...common,
    name: 'EVENTS',
    subjects: [everyEvent],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_bytes: 1024 * mebibyte,
    max_age: nanos(streams.EVENTS.maxAgeDays * dayMs),
    max_msgs: maxEvents ?? -1,
    // The gateway reads single events by sequence for clients that catch up.
    allow_direct: true,
  };
  return [queue('TURNS'), queue('GUEST_TURNS'), queue('RUNS'), events];
}

function consumerConfigs({ ackWaitMs }: ProvisionOptions): [StreamName, Partial<ConsumerConfig> & { durable_name: string }][] {
  const queues = queueTable.map((queue): [StreamName, Partial<ConsumerConfig> & { durable_name: string }] => [
    queue.stream,
    {
      durable_name: consumerName(queue.consumer),
      name: consumerName(queue.consumer),
      // Work queues let several consumers share a stream only where their subjects do not overlap.
      filter_subject: queueSubject(queue),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(ackWaitMs ?? queue.ackWaitMs),
      max_deliver: queue.maxDeliver,
      max_ack_pending: 1_024,
    },
  ]);
  const followers = followerTable.map((follower): [StreamName, Partial<ConsumerConfig> & { durable_name: string }] => {
    const filters = follower.events.map(eventWildcard);
    return [
      'EVENTS',
      {
        durable_name: consumerName(follower.service),
        name: consumerName(follower.service),
        deliver_policy: DeliverPolicy.All,
        ...(filters.length === 1 && filters[0] !== undefined ? { filter_subject: filters[0] } : { filter_subjects: filters }),
        ...(follower.ack === 'none'
          ? { ack_policy: AckPolicy.None }
          : // One event at a time in the hands of all replicas together: that keeps their order.
            { ack_policy: AckPolicy.Explicit, ack_wait: nanos(ackWaitMs ?? follower.ackWaitMs), max_ack_pending: 1, max_deliver: -1 }),
      },
    ];
  });
  return [...queues, ...followers];
}

async function ensureStream(manager: JetStreamManager, config: Stream): Promise<void> {
  const present = await unlessMissing(manager.streams.info(config.name));
  if (present === undefined) await manager.streams.add({ ...config, name: config.name });
  else await manager.streams.update(config.name, config);
}

async function ensureConsumer(manager: JetStreamManager, stream: StreamName, config: Partial<ConsumerConfig> & { durable_name: string }): Promise<void> {
  const present = await unlessMissing(manager.consumers.info(stream, config.durable_name));
  if (present === undefined) {
    await manager.consumers.add(stream, config);
    return;
  }
  // The client carries the present filter over, and a consumer may not have both spellings of one.
  const cleared: Record<string, unknown> = config.filter_subject === undefined ? { filter_subject: undefined } : { filter_subjects: undefined };
  await manager.consumers.update(stream, config.durable_name, { ...cleared, ...config });
}

async function unlessMissing<T>(question: Promise<T>): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof JetStreamApiError && notFound.includes(error.code)) return undefined;
    throw error;
  }
}
