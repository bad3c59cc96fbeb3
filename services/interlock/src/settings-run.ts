import { randomUUID } from 'node:crypto';
import type { Bus } from '@megabot/bus/port.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { PermitOf } from '@megabot/contracts/queues.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import { createExecutor, type Executor } from '@megabot/execution/executor.ts';
import { plainReport, stoppedAs, type StopCause } from '@megabot/execution/report.ts';
import { lockConfiguration } from './configuration/adopt.ts';
import { fileName } from './configuration/file.ts';
import { setKeys } from './configuration/set-keys.ts';
import { readInForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { requireEntitled } from './entitlement.ts';
import { changeConfiguration } from './policy-edits.ts';
import { findApproval } from './rows.ts';
import type { Tx } from './transaction.ts';

/**
 * Changes settings that a person approved. The interlock takes no shorter way than anybody else: a permit, a claim and its entry
 * in the audit log, and whoever approved must be one who may change the policy.
 */
export async function startChangingSettings(context: Context, bus: Bus): Promise<Executor> {
  return await createExecutor(
    { service: 'interlock', instance: `interlock-${randomUUID()}`, kinds: ['config_change'], concurrency: 1, permitPublicKey: context.permitPublicKey },
    { bus, logger: context.logger, clock: context.clock, prepare: async () => ({}), run: async (permit, { cause }) => await change(context, permit, cause()) },
  );
}

async function change(context: Context, { claims, plan }: PermitOf<'config_change'>, stopped: StopCause | undefined): Promise<RunReport> {
  const startedAt = context.clock();
  const report = (ending: Pick<RunReport, 'status'> & Partial<RunReport>): RunReport => plainReport({ driver: 'interlock', startedAt, endedAt: context.clock(), ...ending });
  if (stopped !== undefined) return report(stoppedAs(stopped, 'interlock'));
  const { changes } = plan.action;
  try {
    const changed = await context.transact(async (tx) => {
      await lockConfiguration(tx);
      const state = await readInForce(tx, 'FOR UPDATE');
      if (state.lockdown) throw new ServiceError('lockdown', 'Nothing is changed during a lockdown.');
      const actor = await approverOf(tx, claims.runId);
      requireEntitled(actor, 'edit_policy', state.settings);
      const summary = `Set ${changes.map(({ key }) => key).join(', ')}, as the assistant proposed.`;
      const done = await changeConfiguration(tx, context, (text) => setKeys(text, changes), { actor, summary });
      if (done) tx.record({ event: 'policy_edited', principal: actor.principal, channel: actor.channel, subject: { op: 'set', runId: claims.runId }, text: summary });
      return done;
    });
    return report({ status: 'exited', exitCode: 0, output: changed ? `${fileName} was changed\n` : `${fileName} says so already\n` });
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code === 'unavailable') throw error;
    return report({ status: 'refused', detail: `Nothing was changed. ${error.message}` });
  }
}

/** Whose word the change rests on. @throws ServiceError `not_entitled` where nobody approved it: no rule may change settings */
async function approverOf(tx: Tx, runId: string): Promise<Actor> {
  const row = await findApproval(tx, "run_id = $1 AND status = 'approved'", [runId]);
  if (row?.decided_by === undefined || row.decided_by === null || row.decided_channel === null) throw new ServiceError('not_entitled', 'No person approved this change of settings.');
  const trust = row.decided_by === 'owner' ? 'owner' : row.decided_by.startsWith('device:') ? 'paired' : 'untrusted';
  return { principal: row.decided_by, trust, channel: row.decided_channel };
}
