import type { Bus } from '@megabot/bus/port.ts';
import { heartbeat } from '@megabot/contracts/endpoints/interlock.ts';
import type { createActiveRuns } from './active-runs.ts';
import type { Events } from './events.ts';

interface Options {
  readonly instance: string;
  /** Everything is stopped when no heartbeat was answered for this long, in milliseconds. */
  readonly interlockLostMs: number;
}

/**
 * One beat, to be called each second: extends the leases of what runs, learns what has to stop, and compares the epoch, so that
 * a missed broadcast is repaired.
 */
export function createHeartbeat(options: Options, deps: { bus: Bus; active: ReturnType<typeof createActiveRuns>; events: Events }): () => Promise<void> {
  const { bus, active, events } = deps;
  // By the clock that nobody sets: a jump of the other one ends no run.
  let lastAt = performance.now();
  return async () => {
    if (active.size === 0) {
      lastAt = performance.now();
      return;
    }
    try {
      const answer = await bus.call(heartbeat, { instance: options.instance, running: active.ids() });
      lastAt = performance.now();
      active.stop(answer.stop, 'cancel');
      active.compare(answer.epoch, answer.lockdown);
    } catch (error) {
      events.heartbeatFailed(error);
      if (performance.now() - lastAt > options.interlockLostMs) active.stopAll('interlock_lost');
    }
  };
}
