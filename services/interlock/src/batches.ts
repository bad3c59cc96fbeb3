import type { z } from 'zod';
import type { decideBatch } from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError, ServiceError } from '@megabot/contracts/errors.ts';
import { storableText } from '@megabot/postgres/values.ts';
import { resolveApproval } from './approvals.ts';
import { readInForce, type InForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { approve, lockPending } from './decisions.ts';
import { requireEntitled } from './entitlement.ts';
import { judgeAction } from './judgement.ts';
import { actionOf } from './plan.ts';
import { recordingRefusals } from './refusals.ts';
import { toApproval, type ApprovalRow } from './rows.ts';
import { endApproval } from './stopping.ts';
import type { Tx } from './transaction.ts';

type Request = z.infer<(typeof decideBatch)['request']>;
type Decided = z.infer<(typeof decideBatch)['reply']>['decided'];

interface Locked {
  readonly row: ApprovalRow;
  readonly revision: string;
}

/** What keeps an approval from being decided together with others. */
interface Obstacle {
  readonly id: string;
  readonly shortId: string;
  readonly why: 'expired' | 'decided' | 'risk' | 'denied' | 'changed';
}

/**
 * One word on several approvals, all or none of them. Approving is for low risk only: nobody looks closely at a list.
 * @throws ServiceError `bad_request` with `details.approvals`, one for each that stands in the way
 */
export async function decideSeveral(context: Context, request: Request): Promise<{ decided: Decided }> {
  const { actor, decision, approvalIds } = request;
  const entry = { event: 'decision_refused', principal: actor.principal, channel: actor.channel, subject: { decision, batch: String(approvalIds.length) }, text: approvalIds.join(' ') } as const;
  return await recordingRefusals(context, entry, async () => {
    return await context.transact(async (tx) => {
      const state = await readInForce(tx);
      requireEntitled(actor, 'decide_many', state.settings);
      if (decision === 'approve' && state.lockdown) throw new ServiceError('lockdown', 'Nothing can be approved during a lockdown.', { hint: 'The owner lifts it with !unlock.' });
      const { locked, obstacles } = await lockAll(tx, await resolveAll(tx, approvalIds));
      const inTheWay = [...obstacles, ...locked.flatMap((one) => obstacleOf(one, decision, state, tx.now))];
      if (inTheWay.length > 0) {
        const hint = decision === 'approve' ? 'Decide those one by one. Only low risk can be approved together.' : 'Leave those out.';
        throw new ServiceError('bad_request', `None was decided: ${inTheWay.map(({ shortId, why }) => `${shortId} (${spoken[why]})`).join(', ')}.`, { hint, details: { approvals: inTheWay } });
      }
      const decided: Decided = [];
      for (const one of locked) decided.push(await decideLocked(tx, context, state, one, request));
      return { decided };
    });
  });
}

const spoken: Readonly<Record<Obstacle['why'], string>> = {
  expired: 'expired', decided: 'decided already', risk: 'its risk is not low', denied: 'the policy denies it by now', changed: 'the files of its workspace have changed',
};

async function resolveAll(tx: Tx, prefixes: readonly string[]): Promise<string[]> {
  const ids = new Set<string>();
  for (const prefix of prefixes) ids.add(await resolveApproval(tx, prefix));
  return [...ids];
}

/** Locks them in an order that all who lock several follow: by conversation, then by id. */
async function lockAll(tx: Tx, ids: readonly string[]): Promise<{ locked: Locked[]; obstacles: Obstacle[] }> {
  const rows = await tx.query<{ id: string; short_id: string }>('SELECT id, short_id FROM interlock.approvals WHERE id = ANY($1::text[]) ORDER BY conversation, id', [ids]);
  const locked: Locked[] = [];
  const obstacles: Obstacle[] = [];
  for (const { id, short_id: shortId } of rows) {
    try {
      locked.push(await lockPending(tx, id));
    } catch (error) {
      if (!isServiceError(error, 'approval_expired', 'approval_decided')) throw error;
      obstacles.push({ id, shortId, why: error.code === 'approval_expired' ? 'expired' : 'decided' });
    }
  }
  return { locked, obstacles };
}

function obstacleOf({ row, revision }: Locked, decision: Request['decision'], state: InForce, now: number): Obstacle[] {
  const because = (why: Obstacle['why']): Obstacle[] => [{ id: row.id, shortId: row.short_id, why }];
  if (row.expires_at <= now) return because('expired');
  if (decision === 'reject') return [];
  if (row.risk !== 'low') return because('risk');
  if (row.plan === null || judgeAction(actionOf(row.plan), state).decision === 'deny') return because('denied');
  return row.revision === revision ? [] : because('changed');
}

async function decideLocked(tx: Tx, context: Context, state: InForce, { row, revision }: Locked, request: Request): Promise<Decided[number]> {
  const { actor } = request;
  if (request.decision === 'reject') {
    const reason = request.reason === undefined ? null : storableText(request.reason);
    return { approval: toApproval(await endApproval(tx, context.events, row, { status: 'rejected', reason, by: actor.principal, channel: actor.channel })), runId: null };
  }
  const outcome = await approve(tx, context, state, revision, row, { actor, scope: 'once', reason: request.reason });
  if ('failure' in outcome) throw outcome.failure;
  return outcome.reply;
}
