import type { JetStreamManager } from '@nats-io/jetstream';
import { eventTable } from '@megabot/contracts/table.ts';
import type { Event } from '@megabot/contracts/endpoint.ts';
import { eventWildcard } from '@megabot/contracts/subjects.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Link } from './nats-connection.ts';
import { toServiceError } from './nats-errors.ts';
import type { EventEnvelope, EventLog, Stoppable } from './port.ts';
import { decodePayload } from './wire.ts';

const prefixes = new Map(eventTable.map((event) => [eventWildcard(event).slice(0, -1), event]));
const maxRead = 1_000;

/** Which event a subject of `EVENTS` carries. */
export const eventOf = (subject: string): Event | undefined => prefixes.get(subject.slice(0, subject.lastIndexOf('.') + 1));

/** Reads a message of `EVENTS`. @throws ServiceError `bad_request` if it is none of the table, or does not fit. */
function readEvent(subject: string, body: string, seq: number): EventEnvelope | undefined {
  const event = eventOf(subject);
  return event === undefined ? undefined : { event, payload: decodePayload(event.payload, body, event.topic), seq };
}

/** The same for who reads one event after another, and would stand for ever before one that it cannot read: that one is logged and left out. */
export function readOrLeaveOut(subject: string, body: string, seq: number, logger: Logger): EventEnvelope | undefined {
  try {
    return readEvent(subject, body, seq);
  } catch (error) {
    logger.error({ err: error, seq }, 'an event of another version of the contracts is left out');
    return undefined;
  }
}

/** Hears an event live, in this replica. */
export async function listenLive(link: Link, event: Event, handler: (payload: never) => void, logger: Logger): Promise<Stoppable> {
  let refused: unknown;
  const subscription = link.nc.subscribe(eventWildcard(event), {
    callback: (error, message) => {
      if (error !== null) {
        refused = error;
        return;
      }
      try {
        handler(decodePayload(event.payload, message.string(), event.topic) as never);
      } catch (failure) {
        logger.error({ err: failure, topic: event.topic }, 'a listener failed');
      }
    },
  });
  const what = `listen to ${event.service}.${event.topic}`;
  await link.guarded(what, () => link.nc.flush()).catch((error: unknown) => {
    throw toServiceError(error, what);
  });
  if (refused !== undefined) throw toServiceError(refused, what);
  return {
    async stop() {
      subscription.unsubscribe();
    },
  };
}

/** The stream `EVENTS` by sequence. Batches are many single reads at once: servers before 2.11 know no other way. */
export function createNatsEventLog(link: Link, manager: () => Promise<JetStreamManager>, logger: Logger): EventLog {
  const asked = async <T>(work: (jsm: JetStreamManager) => Promise<T>): Promise<T> => {
    const what = 'read the log of events';
    try {
      return await link.guarded(what, async () => await work(await manager()));
    } catch (error) {
      throw toServiceError(error, what);
    }
  };
  const info = async () =>
    await asked(async (jsm) => {
      const { created, state } = await jsm.streams.info('EVENTS');
      // An empty stream reports 0 as its first sequence until the first message.
      return { epoch: created.replaceAll(/[^0-9A-Za-z]/g, ''), firstSeq: Math.max(state.first_seq, 1), lastSeq: state.last_seq };
    });
  return {
    info,
    async read(since, limit) {
      const { firstSeq, lastSeq } = await info();
      const from = Math.max(since + 1, firstSeq);
      const to = Math.min(from + Math.min(limit, maxRead) - 1, lastSeq);
      const sequences = Array.from({ length: Math.max(to - from + 1, 0) }, (_, index) => from + index);
      const messages = await asked(async (jsm) => await Promise.all(sequences.map((seq) => jsm.direct.getMessage('EVENTS', { seq }))));
      const events: EventEnvelope[] = [];
      for (const message of messages) {
        if (message === null) continue;
        const envelope = readOrLeaveOut(message.subject, message.string(), message.seq, logger);
        if (envelope !== undefined) events.push(envelope);
      }
      const next = Math.max(sequences.at(-1) ?? since, 0);
      return { events, next, done: next >= lastSeq };
    },
  };
}
