import type { z } from 'zod';
import type { ActionState, cancelTurn as endpoint, SubmitOutcome } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { isFinalRunStatus, type Run } from '@megabot/contracts/run.ts';
import { readInForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { requireEntitled, requireOwnTurn } from './entitlement.ts';
import { recordingRefusals } from './refusals.ts';
import { approvalColumns, findRun, runColumns, toApproval, toRun, type ApprovalRow, type RunRow } from './rows.ts';
import { issuePermit } from './runs.ts';
import { replyBytes, shortened } from './reply-size.ts';
import { stopTurn, type Stopped } from './stopping.ts';
import { toServiceError } from './transaction.ts';
import { lockTurn, lockWorkspace } from './workspace.ts';

/**
 * Where actions stand, in the order of the keys; keys that were never submitted are left out. Long output is shortened so that
 * all of them fit into one reply; a run asked for by its id has it whole. @throws ServiceError `not_found` if all are
 */
export async function actionStates(context: Context, keys: readonly string[]): Promise<ActionState[]> {
  const { db } = context.store;
  try {
    const actions = await db.query<{ key: string; outcome: SubmitOutcome }>('SELECT key, outcome FROM interlock.actions WHERE key = ANY($1::text[])', [keys]);
    const approvals = await db.query<ApprovalRow>(`SELECT ${approvalColumns} FROM interlock.approvals WHERE key = ANY($1::text[])`, [keys]);
    const runs = await db.query<RunRow>(`SELECT ${runColumns} FROM interlock.runs WHERE key = ANY($1::text[])`, [keys]);
    if (actions.length === 0) throw new ServiceError('not_found', 'No such action was submitted.');
    const share = Math.floor(replyBytes / actions.length / 2);
    const order = new Map(keys.map((key, index) => [key, index]));
    return actions
      .toSorted((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0))
      .map(({ key, outcome }) => stateOf(key, outcome, approvals.find((row) => row.key === key), runs.find((row) => row.key === key), share));
  } catch (error) {
    throw toServiceError(error);
  }
}

function stateOf(key: string, outcome: SubmitOutcome, approval: ApprovalRow | undefined, run: RunRow | undefined, share: number): ActionState {
  const settled = run ? isFinalRunStatus(run.status) : approval ? approval.status !== 'pending' : outcome.decision === 'deny';
  return { key, settled, outcome, approval: approval ? toApproval({ ...approval, command: shortened(approval.command, share) }) : null, run: run ? toRun({ ...run, command: shortened(run.command, share / 4), output: shortened(run.output, share) }) : null };
}

/** @throws ServiceError `not_found` */
export async function getRun(context: Context, runId: string): Promise<Run> {
  const row = await findRun(context.store.db, 'id = $1', [runId]).catch((error: unknown) => {
    throw toServiceError(error);
  });
  if (!row) throw new ServiceError('not_found', 'No run has this id.');
  return toRun(row);
}

type Cancelling = z.infer<(typeof endpoint)['request']>;

/** Cancels what a turn has pending, due or running, and refuses whatever it still proposes. @throws ServiceError `not_entitled` */
export async function cancelTurn(context: Context, request: Cancelling): Promise<Stopped> {
  const { actor, turnId } = request;
  const entry = { event: 'cancel_refused', principal: actor.principal, channel: actor.channel, subject: { turnId } } as const;
  return await recordingRefusals(context, entry, async () => await cancelOnce(context, request));
}

async function cancelOnce(context: Context, { actor, turnId, conversation }: Cancelling): Promise<Stopped> {
  return await context.transact(async (tx) => {
    const state = await readInForce(tx, 'FOR SHARE');
    const role = requireEntitled(actor, 'cancel_turn', state.settings);
    await lockTurn(tx, turnId);
    const [action] = await tx.query<{ conversation: string }>('SELECT conversation FROM interlock.actions WHERE turn_id = $1 LIMIT 1', [turnId]);
    // What was signed with an action counts before what the gateway says of the turn.
    if (role === 'messenger') requireOwnTurn(actor, action?.conversation ?? conversation);
    const workspace = action ? await lockWorkspace(tx, action.conversation) : undefined;
    await tx.query('INSERT INTO interlock.cancelled_turns (turn_id, cancelled_at) VALUES ($1, $2) ON CONFLICT (turn_id) DO NOTHING', [turnId, tx.now]);
    const stopped = await stopTurn(tx, context.events, turnId);
    tx.record({ event: 'turn_cancelled', principal: actor.principal, channel: actor.channel, conversation: action?.conversation ?? null, subject: { turnId } });
    if (action && workspace) await issuePermit(tx, context, { conversation: action.conversation, epoch: state.epoch, revision: workspace.revision });
    return stopped;
  });
}
