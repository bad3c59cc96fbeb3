import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Bus } from '@megabot/bus/port.ts';
import type { PermitOf } from '@megabot/contracts/queues.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import { createExecutor, type Executor } from '@megabot/execution/executor.ts';
import { plainReport, stoppedAs, type StopCause } from '@megabot/execution/report.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Transact } from './outbox.ts';
import { forgetItems } from './items.ts';

export interface ErasingOptions {
  /** The interlock's key for permits and grants, pinned. */
  readonly permitPublicKey: string;
  /** Names this replica. */
  readonly instance: string;
}

interface Deps {
  readonly bus: Bus;
  readonly transact: Transact;
  readonly logger: Logger;
  readonly clock: () => number;
}

/** Which items an action means, in the words of `forget`; an empty list of ids means none were named. */
export const meantBy = ({ space, ids, session }: { space: string; ids: string[]; session: string | null }) => ({
  space, ...(ids.length === 0 ? {} : { ids }), ...(session === null ? {} : { session }),
});

/** Forgets what the assistant proposed to forget, with a permit for exactly that. */
export async function startErasing(options: ErasingOptions, { bus, transact, logger, clock }: Deps): Promise<Executor> {
  return await createExecutor(
    { ...options, service: 'memory', kinds: ['memory_erase'], concurrency: 1 },
    { bus, logger, clock, prepare: async () => ({}), run: async (permit, { cause }) => await erase(permit, cause(), transact, clock) },
  );
}

async function erase({ plan }: PermitOf<'memory_erase'>, stopped: StopCause | undefined, transact: Transact, clock: () => number): Promise<RunReport> {
  const startedAt = clock();
  const report = (ending: Pick<RunReport, 'status'> & Partial<RunReport>): RunReport => plainReport({ driver: 'memory', startedAt, endedAt: clock(), ...ending });
  if (stopped !== undefined) return report(stoppedAs(stopped, 'memory'));
  try {
    const { count } = await transact(async (tx) => {
      const forgotten = await forgetItems(tx, { ...meantBy(plan.action), dryRun: false });
      // What came since was in nobody's mind: the deletion is taken back as a whole.
      if (forgotten.count > plan.items) throw new ServiceError('conflict', `There are ${forgotten.count} by now, more than the ${plan.items} that were shown.`);
      return forgotten;
    });
    return report({ status: 'exited', exitCode: 0, output: `forgot ${count === 1 ? '1 item' : `${count} items`}\n` });
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'conflict') throw error;
    return report({ status: 'refused', detail: `Nothing was forgotten. ${error.message} Propose it again.` });
  }
}
