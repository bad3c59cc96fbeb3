import type { Bus } from '@megabot/bus/port.ts';
import { bridgeLease } from '@megabot/contracts/endpoints/bridge.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { BridgeHolder } from '../bus-bridge-store.ts';

export const leaseMs = 15_000;
const extendEveryMs = 4_000;

export interface Elector {
  stop(): Promise<void>;
}

/**
 * Keeps asking for the lease of a bridge: `onHeld` when it is ours, `onLost` when it is no more, never both at once. A store that
 * does not answer costs the lease when it has run out, not before: a short break must not drop the bridge.
 */
export function createElector(
  deps: { bus: Bus; holder: BridgeHolder; logger: Logger; onHeld: () => Promise<void>; onLost: () => Promise<void> },
  everyMs = extendEveryMs,
): Elector {
  const { bus, holder, logger } = deps;
  let held = false;
  /** By the clock that nobody sets. */
  let until = 0;
  let turn: Promise<void> = Promise.resolve();

  const lose = async (): Promise<void> => {
    if (!held) return;
    held = false;
    await deps.onLost();
  };
  const ask = async (): Promise<void> => {
    const asked = performance.now();
    try {
      const answer = await bus.call(bridgeLease, { ...holder, ttlMs: leaseMs }, { timeoutMs: 3_000 });
      if (!answer.held) return await lose();
      until = asked + leaseMs;
      if (!held) {
        held = true;
        await deps.onHeld();
      }
    } catch (error) {
      if (performance.now() < until) return;
      if (held) logger.warn({ err: error, bridge: holder.bridge }, 'the lease of the bridge could not be kept; it stops until it is ours again');
      await lose();
    }
  };
  const next = (): void => {
    turn = turn.then(ask).catch((error: unknown) => logger.error({ err: error, bridge: holder.bridge }, 'the bridge could not be started or stopped'));
  };
  next();
  const timer = setInterval(next, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await turn;
      const had = held;
      await lose();
      if (had) await bus.call(bridgeLease, { ...holder, ttlMs: leaseMs, release: true }, { timeoutMs: 2_000 }).catch(() => undefined);
    },
  };
}
