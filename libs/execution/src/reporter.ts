import type { Bus } from '@megabot/bus/port.ts';
import { report as reportEndpoint } from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import { AbortError, PermanentError, retry } from '@megabot/lifecycle/backoff.ts';
import type { Events } from './events.ts';

export interface ReportTarget {
  readonly permitId: string;
  readonly runId: string;
  readonly instance: string;
}

/** Failures that pass by themselves, however long it takes. */
const passing = ['timeout', 'disconnected', 'no_responders', 'unavailable'] as const;
/** Any other failure may be a mistake of the moment too, but a run must not be held open for one that is not. */
const maxOtherFailures = 5;

/**
 * Tells the interlock how a run ended, again and again until it has heard it or will never want it. What is dropped ends the
 * run all the same: its lease lapses, and it is recorded as interrupted.
 */
export function createReporter(bus: Bus, events: Events) {
  const stopping = new AbortController();
  return {
    /** Resolves when the report is recorded, unwanted, or given up. Never rejects. */
    async send(target: ReportTarget, report: RunReport): Promise<void> {
      let others = 0;
      const tell = async (): Promise<void> => {
        try {
          await bus.call(reportEndpoint, { ...target, report });
        } catch (error) {
          if (isServiceError(error, ...passing)) throw error;
          const code = isServiceError(error) ? error.code : 'internal';
          if (isServiceError(error, 'run_ended', 'permit_unknown', 'bad_request', 'too_large') || ++others >= maxOtherFailures) throw new PermanentError(code, { cause: error });
          throw error;
        }
      };
      try {
        await retry(tell, { minMs: 100, maxMs: 3_000, attempts: Infinity, signal: stopping.signal, onRetry: (error) => events.reportDelayed(target.runId, error) });
      } catch (error) {
        if (error instanceof AbortError) return;
        events.reportDropped(target.runId, error instanceof Error ? error.message : String(error));
      }
    },
    /** Gives up what is not heard yet. */
    stop: (): void => stopping.abort(),
  };
}
