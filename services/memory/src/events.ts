import type { Logger } from '@megabot/observability/logger.ts';
import type { Sweep } from './sweeper.ts';

/** What the service has to tell an operator: one function an event. Never the text of a message or an item. */
export function createMemoryEvents(logger: Logger) {
  return {
    started(fields: { replica?: string }): void {
      logger.info(fields, 'memory is ready');
    },
    messageStored(fields: { conversation: string; turnId: string; duplicate: boolean }): void {
      logger.info(fields, fields.duplicate ? 'a message was sent again; the first result stands' : 'a message is stored');
    },
    turnClaimed(fields: { turnId: string; replica: string; attempt: number }): void {
      logger.info(fields, 'a turn is being worked on');
    },
    turnWaits(fields: { turnId: string }): void {
      logger.info(fields, 'a turn waits for its actions');
    },
    turnWoken(fields: { turnId: string; key: string }): void {
      logger.info(fields, 'an action has its outcome; its turn goes on');
    },
    turnEnded(fields: { turnId: string; status: 'done' | 'failed' | 'cancelled' }): void {
      logger.info(fields, 'a turn has ended');
    },
    swept(fields: Sweep): void {
      if (Object.values(fields).every((count) => count === 0)) return;
      logger.warn(fields, 'turns were left behind and are taken up again');
    },
    remembered(fields: { space: string; count: number }): void {
      logger.info(fields, 'items were remembered');
    },
    forgotten(fields: { count: number; dryRun: boolean }): void {
      logger.info(fields, fields.dryRun ? 'items that would be forgotten were counted' : 'items were forgotten');
    },
  };
}

export type MemoryEvents = ReturnType<typeof createMemoryEvents>;
