import type { Logger } from '@megabot/observability/logger.ts';

/** What the service has to tell an operator: one function an event. Never what a person, a model or a tool said. */
export function createOrchestratorEvents(logger: Logger) {
  return {
    started(fields: { replica: string; concurrency: number }): void {
      logger.info(fields, 'orchestrator is ready');
    },
    turnBegun(fields: { turnId: string; kind: string; attempt: number; resumed: boolean }): void {
      logger.info(fields, fields.resumed ? 'a turn is taken up again' : 'a turn begins');
    },
    turnLeft(fields: { turnId: string; outcome: 'waiting' | 'done' | 'failed'; ms: number }): void {
      logger.info(fields, fields.outcome === 'waiting' ? 'a turn waits for its actions' : 'a turn has its answer');
    },
    turnDropped(fields: { turnId: string; reason: string }): void {
      logger.warn(fields, 'a turn is left to whoever holds it now');
    },
    turnBroke(fields: { turnId: string; err: unknown }): void {
      logger.error(fields, 'work on a turn failed; it will be taken up again');
    },
    replySaved(fields: { turnId: string; step: number; calls: number; actions: number }): void {
      logger.info(fields, 'a reply with tool calls is saved');
    },
    modelReplied(fields: { turnId: string; step: number; ms: number; characters: number; calls: number }): void {
      logger.info(fields, 'the model replied');
    },
    modelFailed(fields: { turnId: string; reason: string; detail: string }): void {
      logger.warn({ turnId: fields.turnId, reason: fields.reason }, 'the model could not be used');
      logger.debug(fields, 'how the model failed');
    },
    deltaLost(error: unknown): void {
      logger.debug({ err: error }, 'a piece of an answer could not be shown as it came; the whole answer is stored');
    },
  };
}

export type OrchestratorEvents = ReturnType<typeof createOrchestratorEvents>;
