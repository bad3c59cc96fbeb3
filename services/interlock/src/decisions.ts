import type { z } from 'zod';
import type { Action } from '@megabot/contracts/action.ts';
import type { decide } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { storableText } from '@megabot/postgres/values.ts';
import { resolveApproval } from './approvals.ts';
import { lockConfiguration } from './configuration/adopt.ts';
import { readInForce, versionOf, type InForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { grantForConversation } from './conversation-grants.ts';
import { notEntitled, requireEntitled, requireMessengerAdmin, requireMessengerDecision, type Role } from './entitlement.ts';
import { judgeAction } from './judgement.ts';
import { lookingAgain, rebind, type Looks } from './kinds/rebind.ts';
import { takeCode } from './one-time-codes.ts';
import { actionOf } from './plan.ts';
import { parsePattern } from './policy/pattern.ts';
import { readPlain } from './policy/plain.ts';
import { applyEdit } from './policy-edits.ts';
import { recordingRefusals } from './refusals.ts';
import { findApproval, toApproval, type ApprovalRow } from './rows.ts';
import { createRun, issuePermit } from './runs.ts';
import { endApproval } from './stopping.ts';
import type { Tx } from './transaction.ts';
import { lockWorkspace } from './workspace.ts';

type Request = z.infer<(typeof decide)['request']>;
type Reply = z.infer<(typeof decide)['reply']>;

/** A decision that changes something and is still an error to the caller: committed first, thrown afterwards. */
type Outcome = { readonly reply: Reply } | { readonly failure: ServiceError };

/**
 * Records a person's word on an approval, once. Approving makes its run due. The policy has the last word: what is denied by
 * now is rejected. If a run of another turn has changed the workspace since, the approval is shown anew.
 * @throws ServiceError with one code for each way in which there is nothing to decide
 */
export async function decideApproval(context: Context, request: Request): Promise<Reply> {
  const { actor, approvalId, decision } = request;
  const entry = { event: 'decision_refused', principal: actor.principal, channel: actor.channel, subject: { approvalId, decision } } as const;
  return await recordingRefusals(context, entry, async () => await decideOnce(context, request));
}

async function decideOnce(context: Context, request: Request): Promise<Reply> {
  const { actor } = request;
  const outcome = await lookingAgain(context, async (looks) => await context.transact(async (tx): Promise<Outcome> => {
    const always = request.decision === 'approve' && request.scope === 'always';
    if (always) await lockConfiguration(tx);
    const state = await readInForce(tx, always ? 'FOR UPDATE' : 'FOR SHARE');
    const role = requireMayDecide(request, state);
    // Whoever is behind a messenger hears nothing of other conversations, not even that an id begins like this.
    const id = await resolveApproval(tx, request.approvalId, role === 'messenger' ? actor.conversation : undefined);
    const { row, revision } = await lockPending(tx, id);
    if (row.expires_at <= tx.now) {
      await endApproval(tx, context.events, row, { status: 'expired', reason: null, by: null, channel: null });
      return { failure: expired(row) };
    }
    if (role === 'messenger') {
      requireMessengerDecision(actor, state.settings, row);
      const refusal = await takeCode(tx, context, requireMessengerAdmin(actor, state.settings), request.code);
      if (refusal) return { failure: refusal };
    }
    if (request.decision === 'reject') {
      const reason = request.reason === undefined ? null : storableText(request.reason);
      const ended = await endApproval(tx, context.events, row, { status: 'rejected', reason, by: actor.principal, channel: actor.channel });
      return { reply: { approval: toApproval(ended), runId: null } };
    }
    if (state.lockdown) throw new ServiceError('lockdown', 'Nothing can be approved during a lockdown.', { hint: 'The owner lifts it with !unlock.' });
    return await approve(tx, context, state, revision, row, request, looks);
  }));
  if ('failure' in outcome) throw outcome.failure;
  return outcome.reply;
}

/** @throws ServiceError `not_entitled`; before anything is looked up, so that a stranger learns nothing from the answer */
function requireMayDecide({ actor, decision, scope }: Request, { settings }: InForce): Role {
  const role = requireEntitled(actor, 'decide', settings);
  if (decision === 'approve' && scope === 'conversation') requireEntitled(actor, 'allow_for_conversation', settings);
  if (decision === 'approve' && scope === 'always') requireEntitled(actor, 'allow_always', settings);
  if (role !== 'messenger') return role;
  requireMessengerAdmin(actor, settings);
  if (actor.conversation === undefined) throw notEntitled('It is not known which conversation this was written in.', 'other_conversation');
  return role;
}

/** A pending approval, its conversation and itself locked. @throws ServiceError `approval_unknown`, `approval_expired`, `approval_decided` */
export async function lockPending(tx: Tx, id: string): Promise<{ row: ApprovalRow; revision: string }> {
  const found = await findApproval(tx, 'id = $1', [id]);
  if (!found) throw unknown();
  const workspace = await lockWorkspace(tx, found.conversation);
  const row = await findApproval(tx, 'id = $1 FOR UPDATE', [id]);
  if (!row) throw unknown();
  if (row.status === 'expired') throw expired(row);
  if (row.status !== 'pending') throw decided(row);
  return { row, revision: workspace.revision };
}

/** What of a request approving needs. */
type Approving = Pick<Request, 'actor' | 'scope' | 'reason'>;

/** Approves a pending approval that is locked, with its conversation, and not expired. */
export async function approve(tx: Tx, context: Context, state: InForce, revision: string, row: ApprovalRow, approving: Approving, looks: Looks = new Map()): Promise<Outcome> {
  const { actor } = approving;
  if (row.plan === null) throw new Error('a pending approval has no plan');
  const action = actionOf(row.plan);
  const judgement = judgeAction(action, state);
  if (judgement.decision === 'deny') {
    const ended = await endApproval(tx, context.events, row, { status: 'rejected', reason: `The policy denies it by now. ${judgement.reasons.join(' ')}`, by: null, channel: null });
    return { reply: { approval: toApproval(ended), runId: null } };
  }
  const again = row.revision === revision ? { row, changed: false } : await rebind(tx, row, revision, looks);
  if ('impossible' in again) {
    const ended = await endApproval(tx, context.events, row, { status: 'rejected', reason: `The workspace has changed since it was asked. ${again.impossible}`, by: null, channel: null });
    return { reply: { approval: toApproval(ended), runId: null } };
  }
  if (again.changed) {
    const rebound = toApproval(again.row);
    tx.record({ event: 'decision_refused', principal: actor.principal, channel: actor.channel, conversation: row.conversation, verdict: 'changed', subject: { approvalId: row.id, key: row.key, kind: row.kind }, digest: rebound.planHash });
    await context.events.approvalShown(tx, rebound);
    const hint = 'Look at it again: the same command may do something else now. Approving once more runs it.';
    return { failure: new ServiceError('approval_changed', 'The files of the workspace have changed since this was asked.', { hint, details: { approvalId: row.id } }) };
  }
  return await approveBound(tx, context, state, again.row, action, approving);
}

async function approveBound(tx: Tx, context: Context, state: InForce, row: ApprovalRow, action: Action, { actor, scope, reason }: Approving): Promise<Outcome> {
  if (row.plan === null) throw new Error('a pending approval has no plan');
  const { rule: remembered, grantExpiresAt } = await remember(tx, context, state, action, row, scope, actor);
  const runId = newId();
  const note = reason === undefined ? null : storableText(reason);
  const [updated] = await tx.query(
    `UPDATE interlock.approvals SET status = 'approved', decided_by = $2, decided_channel = $3, decided_at = $4, scope = $5, reason = $6, run_id = $7, grant_expires_at = $8
     WHERE id = $1 AND status = 'pending' RETURNING id`,
    [row.id, actor.principal, actor.channel, tx.now, scope, note, runId, grantExpiresAt],
  );
  // Editing the file for the scope "always" may have brought a lockdown in that somebody wrote into it by hand.
  if (!updated) throw new ServiceError('lockdown', 'A lockdown came in between; nothing was approved.');
  await createRun(tx, context, { id: runId, key: row.key, conversation: row.conversation, turnId: row.turn_id, source: 'approval', command: row.command, plan: row.plan });
  await issuePermit(tx, context, { conversation: row.conversation, epoch: state.epoch, revision: row.revision });
  tx.record({
    event: 'decided', principal: actor.principal, channel: actor.channel, conversation: row.conversation, verdict: 'approved', rule: remembered,
    subject: { approvalId: row.id, key: row.key, runId, scope, kind: row.kind, policy: versionOf(state), waitedMs: String(tx.now - row.created_at) }, text: note, digest: row.plan_hash,
  });
  const approved: ApprovalRow = { ...row, status: 'approved', decided_by: actor.principal, decided_at: tx.now, decided_channel: actor.channel, reason: note, run_id: runId, grant_expires_at: grantExpiresAt };
  await context.events.approvalDecided(tx, toApproval(approved), actor.principal);
  return { reply: { approval: toApproval(approved), runId } };
}

interface Remembered {
  /** The rule that was made. */
  readonly rule: string | null;
  readonly grantExpiresAt: number | null;
}

/** Keeps a decision for later, as its scope says. */
async function remember(tx: Tx, context: Context, state: InForce, action: ReturnType<typeof actionOf>, row: ApprovalRow, scope: Request['scope'], actor: Request['actor']): Promise<Remembered> {
  if (scope === 'once') return { rule: null, grantExpiresAt: null };
  if (action.kind !== 'shell') throw new ServiceError('bad_request', 'Only a command can be allowed for longer; everything else is approved once.');
  if (scope === 'conversation') {
    const minutes = state.settings.approvals.conversation_grant_minutes;
    return { rule: null, grantExpiresAt: await grantForConversation(tx, { conversation: row.conversation, action, by: actor.principal, approvalId: row.id, minutes }) };
  }
  // A rule is words: it would let the same words run without what a person has just looked at beside them.
  if (action.network !== undefined || action.stdin !== undefined) {
    throw new ServiceError('bad_request', 'A command with network or standard input cannot be allowed for ever: no rule covers those.', { hint: 'Approve it once or for this conversation.' });
  }
  const pattern = exactPattern(action.command);
  await applyEdit(tx, context, { op: 'add', list: 'allow', pattern }, { actor });
  return { rule: pattern, grantExpiresAt: null };
}

/** The pattern that stands for exactly this command. @throws ServiceError `bad_request` if there is none */
function exactPattern(command: string): string {
  const plain = readPlain(command);
  const pattern = plain.ok ? `=${plain.words.map((word) => word.text).join(' ')}` : '';
  if (!plain.ok || plain.words.some((word) => !word.bare || word.text.includes('*')) || !parsePattern(pattern).ok) {
    throw new ServiceError('bad_request', 'Only one plain command can be allowed for ever; this one uses quotes or more of the shell than a rule can say.', {
      hint: 'Approve it once or for this conversation, or write a rule with !allow.',
    });
  }
  return pattern;
}

const unknown = (): ServiceError => new ServiceError('approval_unknown', 'No approval has this id.');
export const expired = (row: ApprovalRow): ServiceError =>
  new ServiceError('approval_expired', 'The approval has expired: nobody decided it in time, and nothing was run.', { hint: 'Ask for it again.', details: { approvalId: row.id, expiresAt: row.expires_at } });
const decided = (row: ApprovalRow): ServiceError =>
  new ServiceError('approval_decided', `The approval is ${row.status} already.`, { details: { approvalId: row.id, status: row.status, by: row.decided_by ?? 'system', ...(row.run_id === null ? {} : { runId: row.run_id }) } });
