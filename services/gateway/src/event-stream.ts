import type { EventEnvelope } from '@megabot/bus/port.ts';
import { eventFrame, type EventFrame } from './event-frames.ts';
import type { EventHub } from './event-hub.ts';

/**
 * One client's view of the events: every frame once and in order, live, or first the missed ones and then live.
 *
 * While it is held or replays, live events are not kept anywhere: the log has them, and the replay reads on until it has
 * caught up with the hub. `cursor` is the place up to which the client has everything it is owed; whatever the hub hands out
 * at or below it was already sent by a replay.
 */
export interface EventStream {
  /** Where the live stream of this client began. */
  readonly resumeFrom: number;
  /** Ends the wait for the client's first frame. */
  release(): Promise<void>;
  /** @throws GatewayError `resume_gap`; the stream is live afterwards all the same. */
  resume(since: number, epoch: string): Promise<void>;
  stop(): void;
}

export interface EventStreamSink {
  send(frame: EventFrame): void;
  /** Resolves once what was sent has left for the network; false when the client is gone. */
  flushed(): Promise<boolean>;
}

export function createEventStream(hub: EventHub, sink: EventStreamSink): EventStream {
  const resumeFrom = hub.lastSeq;
  let cursor = resumeFrom;
  let live = false;
  let stopped = false;
  let work: Promise<void> = Promise.resolve();

  const deliver = (envelope: EventEnvelope): void => {
    const frame = eventFrame(envelope);
    if (frame) sink.send(frame);
  };
  const unsubscribe = hub.subscribe((envelope) => {
    if (!live || envelope.seq <= cursor) return;
    cursor = envelope.seq;
    deliver(envelope);
  });

  /** Sends what lies after `since`, except what this client already got live. */
  const replay = async (since: number, epoch: string): Promise<void> => {
    const liveSoFar = { after: resumeFrom, upTo: cursor };
    await hub.replay(since, epoch, async (events, next) => {
      for (const envelope of events) {
        if (stopped) return false;
        if (envelope.seq > liveSoFar.after && envelope.seq <= liveSoFar.upTo) continue;
        deliver(envelope);
      }
      cursor = Math.max(cursor, next);
      return (await sink.flushed()) && !stopped;
    });
  };

  /** Reads on until nothing lies between the log and the hub; the last look and `live` are one step, so no event falls between. */
  const goLive = async (): Promise<void> => {
    try {
      for (;;) {
        if (stopped || hub.lastSeq <= cursor) break;
        const before = cursor;
        await replay(cursor, hub.epoch);
        if (cursor === before) break;
      }
    } finally {
      cursor = Math.max(cursor, hub.lastSeq);
      live = true;
    }
  };

  // One replay after another: two at once would send out of order.
  const inTurn = async (task: () => Promise<void>): Promise<void> => {
    const result = work.then(task);
    work = result.catch(() => undefined);
    await result;
  };

  return {
    resumeFrom,
    release: () => inTurn(async () => (live ? undefined : await goLive())),
    resume: (since, epoch) =>
      inTurn(async () => {
        live = false;
        try {
          await replay(since, epoch);
        } finally {
          await goLive();
        }
      }),
    stop() {
      stopped = true;
      unsubscribe();
    },
  };
}
