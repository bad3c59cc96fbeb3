import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';

export interface CancelledTurn {
  readonly turnId: string;
  /** Approvals that were withdrawn and runs that were stopped. */
  readonly approvals: number;
  readonly runs: number;
}

/**
 * Stops a turn and all that it has pending or running. Both services are asked whatever the other answers: a stop that one
 * failure prevents would be none. The turn goes first, so that it does not go on with the cancelled actions' outcome.
 * @throws ServiceError `turn_unknown` or `turn_ended` where there was nothing to stop at all.
 */
export async function cancelTurn(bus: Bus, turnId: string, actor: Actor): Promise<CancelledTurn> {
  const [turn] = await Promise.allSettled([bus.call(memory.turnCancel, { turnId })]);
  const stopped = await bus.call(interlock.cancelTurn, { turnId, actor });
  if (turn.status === 'rejected') {
    // An action that came in over HTTP has a turn of its own, which only the interlock knows.
    const nothingToEnd = isServiceError(turn.reason, 'turn_unknown', 'turn_ended');
    if (!nothingToEnd || stopped.approvals + stopped.runs === 0) throw turn.reason;
  }
  return { turnId, ...stopped };
}
