import type { z } from 'zod';
import type { Action } from '@megabot/contracts/action.ts';
import type { approvalEdit, SubmitOutcome } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { insertApproval, resolveApproval } from './approvals.ts';
import { readInForce, versionOf, type InForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { expired, lockPending } from './decisions.ts';
import { requireEntitled } from './entitlement.ts';
import { recordJudgement } from './judged.ts';
import { judgeAction } from './judgement.ts';
import { rulesOf } from './kinds/table.ts';
import { actionOf, displayOf, planOf, summaryOf } from './plan.ts';
import { recordingRefusals } from './refusals.ts';
import { findApproval, type ApprovalRow } from './rows.ts';
import { createRun, issuePermit } from './runs.ts';
import { endApproval } from './stopping.ts';
import type { Tx } from './transaction.ts';
import { lockTurn } from './workspace.ts';

type Request = z.infer<(typeof approvalEdit)['request']>;
type Reply = z.infer<(typeof approvalEdit)['reply']>;

/**
 * Puts another command in the place of one that waits. The old approval ends as cancelled; the new text is judged like any other
 * proposal, except that a person wrote it: deny, allow and ask all take the old one's place under the same key, so that the turn
 * goes on with whatever became of it.
 * @throws ServiceError with one code for each way in which there is nothing to edit
 */
export async function editApproval(context: Context, request: Request): Promise<Reply> {
  const { actor, approvalId } = request;
  const entry = { event: 'decision_refused', principal: actor.principal, channel: actor.channel, subject: { approvalId, decision: 'edit' }, text: request.command } as const;
  return await recordingRefusals(context, entry, async () => {
    const outcome = await context.transact(async (tx): Promise<Reply | ServiceError> => {
      const state = await readInForce(tx);
      requireEntitled(actor, 'edit_approval', state.settings);
      const id = await resolveApproval(tx, request.approvalId);
      const found = await findApproval(tx, 'id = $1', [id]);
      if (found) await lockTurn(tx, found.turn_id);
      const { row, revision } = await lockPending(tx, id);
      if (row.expires_at <= tx.now) {
        await endApproval(tx, context.events, row, { status: 'expired', reason: null, by: null, channel: null });
        return expired(row);
      }
      if (state.lockdown) throw new ServiceError('lockdown', 'Nothing can be approved during a lockdown.', { hint: 'The owner lifts it with !unlock.' });
      return await replace(tx, context, state, revision, row, edited(row, request.command), request.actor);
    });
    if (outcome instanceof ServiceError) throw outcome;
    return outcome;
  });
}

/** The command with what it asked for beside it, which editing its words does not change. */
function edited(row: ApprovalRow, command: string): Action {
  const action = row.plan === null ? null : actionOf(row.plan);
  if (action?.kind !== 'shell') throw new ServiceError('bad_request', 'Only commands can be edited.', { hint: 'Reject it, and say what you want instead.' });
  if (action.command === command) throw new ServiceError('bad_request', 'The command is the same.', { hint: 'Approve it, or change it.' });
  return { ...action, command };
}

async function replace(tx: Tx, context: Context, state: InForce, revision: string, row: ApprovalRow, action: Action, actor: Request['actor']): Promise<Reply> {
  const editor = `It was edited by ${actor.principal}.`;
  const ids = { conversation: row.conversation, turnId: row.turn_id, key: row.key };
  const judgement = judgeAction(action, state);
  await endApproval(tx, context.events, row, { status: 'cancelled', reason: `edited by ${actor.principal}`, by: actor.principal, channel: actor.channel, replaced: true });
  await setAside(tx, row);

  const text = displayOf(action);
  const plan = planOf(action, row.conversation, revision, state.settings.sandbox);
  const reasons = [editor, ...judgement.reasons];
  let outcome: SubmitOutcome;
  let approval: Reply['approval'] = null;
  switch (judgement.decision) {
    case 'deny':
      outcome = { decision: 'deny', rule: judgement.rule, reasons };
      break;
    case 'allow': {
      const runId = newId();
      // What a rule lets through runs as the rules read it, whoever spelled it.
      const script = judgement.canonicalScript;
      const allowed = script === undefined ? plan : planOf(action, row.conversation, revision, state.settings.sandbox, { script });
      await createRun(tx, context, { ...ids, id: runId, source: 'policy', command: text, plan: allowed });
      outcome = { decision: 'allow', runId, warnings: [editor, ...judgement.warnings] };
      break;
    }
    case 'ask': {
      const expiresAt = tx.now + state.settings.approvals.expire_minutes * 60_000;
      const origin = { from: row.id, by: actor.principal };
      approval = await insertApproval(tx, { ...ids, action, plan, text, reasons, parts: judgement.parts ?? [], warnings: [...judgement.warnings, ...(rulesOf(action).warnings?.(action, state.settings, {}) ?? [])], requestedBy: row.requested_by, edited: origin, expiresAt });
      await context.events.approvalShown(tx, approval);
      outcome = { decision: 'ask', approvalId: approval.id, shortId: approval.shortId, expiresAt, reasons };
      break;
    }
  }
  // The same proposal gets this outcome from now on: its hash stays that of what was proposed, not of what a person made of it.
  await tx.query(
    `INSERT INTO interlock.actions (key, turn_id, conversation, principal, kind, salt, action_hash, outcome, created_at)
     SELECT $1, turn_id, conversation, principal, kind, salt, action_hash, $3::jsonb, $4 FROM interlock.actions WHERE key = $2`,
    [row.key, asideKey(row), JSON.stringify(outcome), tx.now],
  );
  await recordJudgement(tx, row.key, { ...judgement, reasons }, versionOf(state));
  tx.record({
    event: 'approval_edited', principal: actor.principal, channel: actor.channel, conversation: row.conversation, verdict: outcome.decision, rule: judgement.rule,
    subject: { approvalId: row.id, key: row.key, ...(approval === null ? {} : { became: approval.id }), ...(outcome.decision === 'allow' ? { runId: outcome.runId } : {}) },
    text: summaryOf(action),
  });
  tx.record({ event: 'judged', principal: row.requested_by, conversation: row.conversation, verdict: outcome.decision, rule: judgement.rule, subject: { key: row.key, turnId: row.turn_id, kind: action.kind, policy: versionOf(state), editedBy: actor.principal }, text: summaryOf(action) });
  context.events.judged(ids, outcome.decision, judgement.rule);
  if (outcome.decision === 'allow') {
    for (const warning of judgement.warnings) await context.events.allowedByStar(tx, ids, warning);
    await issuePermit(tx, context, { conversation: row.conversation, epoch: state.epoch, revision });
  }
  if (outcome.decision === 'deny') await context.events.settled(tx, ids);
  return { outcome, approval };
}

/** No key of a proposal looks like this: the place of what an edit replaced, still to be asked why it was judged as it was. */
const asideKey = (row: ApprovalRow): string => `${row.key}#${row.id}`;

async function setAside(tx: Tx, row: ApprovalRow): Promise<void> {
  await tx.query('UPDATE interlock.approvals SET key = $2 WHERE id = $1', [row.id, asideKey(row)]);
  await tx.query('UPDATE interlock.actions SET key = $2 WHERE key = $1', [row.key, asideKey(row)]);
}

