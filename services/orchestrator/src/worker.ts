import type { Bus, Delivery } from '@megabot/bus/port.ts';
import { turnClaim, turnHeartbeat } from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { workOnChat } from './chat-turn.ts';
import type { OrchestratorEvents } from './events.ts';
import type { ModelSource } from './model-source.ts';
import { workOnRun } from './run-turn.ts';
import { createSession, isDropped } from './session.ts';

export interface WorkerOptions {
  readonly replica: string;
  readonly heartbeatMs: number;
  /** How long a turn in hand may go on once the process is asked to stop. */
  readonly graceMs: number;
}

export interface WorkerDeps {
  readonly bus: Bus;
  readonly models: ModelSource;
  readonly events: OrchestratorEvents;
  readonly clock: () => number;
}

/**
 * Works on one turn from the queue: claims it, keeps its lease alive meanwhile, and stops as soon as the lease is lost. A turn
 * that is busy or ended is somebody else's matter. @throws what went wrong, so that the queue delivers the turn again
 */
export async function workOnTurn(turnId: string, delivery: Delivery, options: WorkerOptions, deps: WorkerDeps): Promise<void> {
  const { bus, events, clock } = deps;
  const claim = await bus.call(turnClaim, { turnId, replica: options.replica }).catch((error: unknown) => {
    if (isServiceError(error, 'turn_busy', 'turn_ended', 'turn_unknown')) return undefined;
    throw error;
  });
  if (!claim) return;
  const { turn, history, lease, leaseMs } = claim;
  events.turnBegun({ turnId, kind: turn.kind, attempt: turn.attempt, resumed: turn.checkpoint !== null });
  const started = clock();
  const controller = new AbortController();
  const heart = beat(turnId, lease, leaseMs, controller, delivery, options, deps);
  const session = createSession({ turnId, lease, signal: controller.signal }, bus);
  try {
    const outcome = turn.kind === 'run' ? await workOnRun(turn, session) : await workOnChat(turn, history, session, deps);
    events.turnLeft({ turnId, outcome, ms: clock() - started });
  } catch (error) {
    if (isDropped(error)) {
      events.turnDropped({ turnId, reason: delivery.signal.aborted ? 'stopping' : 'lease lost' });
      // Acknowledged or not makes no difference once the lease is lost; while stopping, another replica should get it soon.
      if (!delivery.signal.aborted) return;
    } else {
      events.turnBroke({ turnId, err: error });
    }
    throw error;
  } finally {
    controller.abort();
    await heart;
  }
}

/** Keeps the lease and the delivery alive until `controller` aborts, and aborts it when the lease is lost or the process stops. */
async function beat(
  turnId: string,
  lease: string,
  leaseMs: number,
  controller: AbortController,
  delivery: Delivery,
  { heartbeatMs, graceMs }: WorkerOptions,
  { bus, clock }: WorkerDeps,
): Promise<void> {
  const { signal } = controller;
  const grace = (): void => {
    const timer = setTimeout(() => controller.abort(), graceMs);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  };
  if (delivery.signal.aborted) grace();
  else delivery.signal.addEventListener('abort', grace, { once: true });
  let aliveUntil = clock() + leaseMs;
  while (!signal.aborted) {
    await sleep(heartbeatMs, signal).catch(() => undefined);
    if (signal.aborted) break;
    delivery.working();
    try {
      await bus.call(turnHeartbeat, { turnId, lease }, { timeoutMs: heartbeatMs, signal });
      aliveUntil = clock() + leaseMs;
    } catch (error) {
      // While memory is away nobody else can take the turn; once the lease may have lapsed, somebody could.
      if (isServiceError(error, 'lease_lost') || clock() > aliveUntil) controller.abort();
    }
  }
  delivery.signal.removeEventListener('abort', grace);
}
