import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { personOf } from './commands/table.ts';

export interface CancelledTurn {
  readonly turnId: string;
  /** Approvals that were withdrawn and runs that were stopped. */
  readonly approvals: number;
  readonly runs: number;
}

/**
 * Stops a turn and all that it has pending or running, for a person whom the interlock lets. For those at home both services are
 * asked whatever the other answers: a stop that one failure prevents would be none. The actions go first: whoever reads that the turn has ended can approve none of them any
 * more. They go a second time for what the turn proposed when the first of them had ended.
 * @throws ServiceError `not_entitled`; `turn_unknown` or `turn_ended` where there was nothing to stop at all.
 */
export async function cancelTurn(bus: Bus, turnId: string, actor: Actor): Promise<CancelledTurn> {
  const person = personOf(actor);
  const atHome = person === 'owner' || person === 'paired';
  const conversation = atHome ? undefined : await conversationOf(bus, turnId);
  const stopActions = async () => await bus.call(interlock.cancelTurn, { turnId, actor, ...(conversation === undefined ? {} : { conversation }) });
  const [first] = await Promise.allSettled([stopActions()]);
  // Whoever is not at home stops nothing that the interlock was not asked about.
  if (first.status === 'rejected' && (!atHome || isServiceError(first.reason, 'not_entitled'))) throw first.reason;
  const [turn] = await Promise.allSettled([bus.call(memory.turnCancel, { turnId })]);
  const second = await stopActions();
  const before = first.status === 'fulfilled' ? first.value : { approvals: 0, runs: 0 };
  // A run that is still ending is counted by both; what the second look finds anew is little beside that.
  const stopped = { approvals: before.approvals + second.approvals, runs: Math.max(before.runs, second.runs) };
  if (turn.status === 'rejected') {
    // An action that came in over HTTP has a turn of its own, which only the interlock knows.
    const nothingToEnd = isServiceError(turn.reason, 'turn_unknown', 'turn_ended');
    if (!nothingToEnd || stopped.approvals + stopped.runs === 0) throw turn.reason;
  }
  return { turnId, ...stopped };
}

/** What the store says a turn belongs to; nothing of one that it does not know. */
async function conversationOf(bus: Bus, turnId: string): Promise<string | undefined> {
  try {
    return (await bus.call(memory.turnGet, { turnId })).turn.conversation;
  } catch (error) {
    if (isServiceError(error, 'turn_unknown')) return undefined;
    throw error;
  }
}
