import { newId } from '@megabot/contracts/ids.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import type { Bus, EventEnvelope } from './port.ts';

/** What an implementation of the bus brings to its compliance suite. */
export interface BusHarness {
  /** One more replica of a service. */
  open(service: ServiceName, logger?: Logger): Promise<Bus>;
  /** How long a queued message or an event may be held without a sign of life. */
  readonly ackWaitMs: number;
  /** How many events the log keeps. */
  readonly maxEvents: number;
  close(): Promise<void>;
}

/** Collects what arrives, and lets a test wait for a number of things instead of for a time. */
export function collector<T>() {
  const items: T[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    items,
    add(item: T): void {
      items.push(item);
      for (const waiter of waiting) if (items.length >= waiter.count) waiter.resolve();
    },
    async until(count: number): Promise<T[]> {
      if (items.length < count) await new Promise<void>((resolve) => waiting.push({ count, resolve }));
      return items;
    },
  };
}

export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Ends when `signal` aborts, by throwing: a handler that lets go. */
export const untilAborted = async (signal: AbortSignal): Promise<never> =>
  await new Promise((_, reject) => {
    const abort = (): void => reject(new Error('let go'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });

/** A logger that keeps what was logged at `error`. */
export function recordingLogger(): { logger: Logger; errors: { fields: object; message: string }[] } {
  const errors: { fields: object; message: string }[] = [];
  const logger = silentLogger();
  const record = (fields: object, message: string): void => void errors.push({ fields, message });
  logger.error = record as Logger['error'];
  return { logger, errors };
}

export const emptyRecall = { mode: 'text' as const, items: [] };
export const deltaOf = (conversation: string, index: number) => ({ conversation, turnId: 'turn', attempt: 1, index, text: `piece ${index}` });
export const settledOf = (conversation: string, step: number) => ({ conversation, turnId: 'turn', key: `turn:${step}:0` });
export const ofConversation = (conversation: string, { payload }: EventEnvelope): boolean =>
  typeof payload === 'object' && payload !== null && 'conversation' in payload && payload.conversation === conversation;
export const freshId = (): string => newId();
