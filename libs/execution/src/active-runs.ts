import type { StopCause } from './report.ts';

/** A run between its grant and its recorded end. */
export interface ActiveRun {
  readonly controller: AbortController;
  /** Of the lockdowns, when the run was granted: a later one means that a lockdown came in between, lifted since or not. */
  readonly epoch: number;
  cause?: StopCause;
}

/** The runs that an executor has in hand. `onStop` hears of those that were told to stop. */
export function createActiveRuns(onStop: (runIds: readonly string[], cause: StopCause) => void) {
  const active = new Map<string, ActiveRun>();
  /** Epoch of the last lockdown that was heard of: it may overtake the answer to a claim. */
  let lockedDownAt = -1;

  const stop = (runIds: Iterable<string>, cause: StopCause): void => {
    const stopped: string[] = [];
    for (const runId of runIds) {
      const run = active.get(runId);
      if (!run || run.controller.signal.aborted) continue;
      run.cause = cause;
      run.controller.abort(cause);
      stopped.push(runId);
    }
    if (stopped.length > 0) onStop(stopped, cause);
  };

  return {
    stop,
    stopAll: (cause: StopCause): void => stop([...active.keys()], cause),
    ids: (): string[] => [...active.keys()],
    has: (runId: string): boolean => active.has(runId),
    get size(): number {
      return active.size;
    },
    /** Begins a run that was granted at `epoch`; where a later lockdown was heard of already, it is stopped at once. */
    begin(runId: string, epoch: number): ActiveRun {
      const run: ActiveRun = { controller: new AbortController(), epoch };
      active.set(runId, run);
      if (lockedDownAt > epoch) stop([runId], 'lockdown');
      return run;
    },
    end: (runId: string): void => void active.delete(runId),
    lockedDown(epoch: number): void {
      lockedDownAt = Math.max(lockedDownAt, epoch);
      stop([...active.keys()], 'lockdown');
    },
    /** Stops what was granted before the lockdown that these words of the interlock tell of. */
    compare(epoch: number, lockdown: boolean): void {
      stop([...active].filter(([, run]) => lockdown || epoch > run.epoch).map(([runId]) => runId), 'lockdown');
    },
  };
}
