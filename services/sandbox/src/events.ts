import type { Logger } from '@megabot/observability/logger.ts';

/** What happens in the sandbox besides what every executor records, each as one function. */
export function createEvents(logger: Logger) {
  return {
    outputLost: (runId: string, error: unknown) => logger.warn({ runId, err: error }, 'live output could not be sent; the stored result will have it'),
  };
}
