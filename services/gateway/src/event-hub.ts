import type { Bus, EventEnvelope, Stoppable } from '@megabot/bus/port.ts';
import { retry } from '@megabot/lifecycle/backoff.ts';
import { GatewayError } from './error-table.ts';

/** The events as they happen, and the ones before, for every client of this gateway. */
export interface EventHub {
  /** Names the numbering; changes when the log was made anew. */
  readonly epoch: string;
  /** Place of the last event handed out live. */
  readonly lastSeq: number;
  /** Hears every event after `lastSeq`, in order. Returns the way to stop. The listener must not block. */
  subscribe(listener: (envelope: EventEnvelope) => void): () => void;
  /** Hears that the log was made anew, so that places that clients hold mean nothing any more. Returns the way to stop. */
  onNewEpoch(listener: () => void): () => void;
  /**
   * Past events after `since`, oldest first, page by page, as far as the log goes. `onPage` says whether to go on.
   * @throws GatewayError `resume_gap` when some of them are gone, or the numbering is another one.
   */
  replay(since: number, epoch: string, onPage: (events: readonly EventEnvelope[], next: number) => Promise<boolean>): Promise<void>;
  stop(): Promise<void>;
}

export interface EventHubOptions {
  readonly signal: AbortSignal;
  readonly clock: () => number;
  readonly onEvent: (envelope: EventEnvelope) => void;
}

const pageSize = 200;
const epochCheckMs = 1_000;

/** Starts to follow the bus. What happened before the start is left to `replay`: nobody was connected. */
export async function createEventHub(bus: Bus, options: EventHubOptions): Promise<EventHub> {
  let { epoch, lastSeq } = await retry(() => bus.eventLog.info(), { minMs: 100, maxMs: 2_000, attempts: 10, signal: options.signal });
  let checkedAt = options.clock();
  const listeners = new Set<(envelope: EventEnvelope) => void>();
  const epochListeners = new Set<() => void>();

  const adopt = (log: { epoch: string; lastSeq: number }): void => {
    if (log.epoch === epoch) return;
    epoch = log.epoch;
    lastSeq = log.lastSeq;
    for (const listener of epochListeners) listener();
  };

  const following: Stoppable = await bus.follow(async (envelope) => {
    if (envelope.seq <= lastSeq) {
      // Usually delivered again after a restart: everybody has it, or asks for it by `resume`. A number that small may also
      // mean that the log began anew.
      if (options.clock() - checkedAt < epochCheckMs) return;
      checkedAt = options.clock();
      adopt(await bus.eventLog.info());
      if (envelope.seq <= lastSeq) return;
    }
    lastSeq = envelope.seq;
    options.onEvent(envelope);
    for (const listener of listeners) listener(envelope);
  });

  return {
    get epoch() {
      return epoch;
    },
    get lastSeq() {
      return lastSeq;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onNewEpoch(listener) {
      epochListeners.add(listener);
      return () => epochListeners.delete(listener);
    },
    async replay(since, asked, onPage) {
      const log = await bus.eventLog.info();
      adopt(log);
      if (asked !== epoch) throw new GatewayError('resume_gap', 'the events were numbered anew since then');
      if (since > Math.max(log.lastSeq, lastSeq)) throw new GatewayError('resume_gap', `no event has the number ${since} yet`);
      if (since + 1 < log.firstSeq) throw new GatewayError('resume_gap', `events before number ${log.firstSeq} are no longer kept`);
      let at = since;
      for (;;) {
        const page = await bus.eventLog.read(at, pageSize);
        const goOn = await onPage(page.events, page.next);
        if (!goOn || page.done || page.next <= at) return;
        at = page.next;
      }
    },
    stop: async () => {
      listeners.clear();
      await following.stop();
    },
  };
}
