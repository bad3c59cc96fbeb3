import type { z } from 'zod';
import { signedBytes } from '@megabot/contracts/canonical.ts';
import { executors } from '@megabot/contracts/action.ts';
import type { claim } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError, type ErrorCode } from '@megabot/contracts/errors.ts';
import { signingContexts, type ClaimGrant } from '@megabot/contracts/ticket.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import { signText } from '@megabot/crypto/ed25519.ts';
import { readInForce, versionOf, type InForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { judgeAction } from './judgement.ts';
import { actionOf, planHash, summaryOf, usesWorkspace } from './plan.ts';
import { findRun, runColumns, type RunRow } from './rows.ts';
import { endRun, issuePermit } from './runs.ts';
import type { Tx } from './transaction.ts';
import { lockWorkspace, noteRevision } from './workspace.ts';

type Request = z.infer<(typeof claim)['request']>;
type Reply = z.infer<(typeof claim)['reply']>;
/** A refusal that is recorded is committed first and thrown afterwards. */
type Outcome = { readonly grant: ClaimGrant } | { readonly refusal: ServiceError };

interface PermitRow extends Record<string, unknown> {
  id: string;
  plan_hash: string;
  epoch: number;
  expires_at: number;
  status: 'live' | 'claimed' | 'void';
  instance: string | null;
  nonce: string | null;
}

/**
 * The last word before a run starts. In one transaction: the permit is usable and for these bytes, no lockdown, the policy does
 * not deny it, the workspace is what was approved; then the permit is used up, the run is running, and both are in the audit log.
 * The same claim again, after a lost answer, gets the same grant.
 * @throws ServiceError with the reason of the refusal
 */
export async function claimPermit(context: Context, caller: ServiceName, request: Request): Promise<Reply> {
  const outcome = await context.transact(async (tx): Promise<Outcome> => {
    const state = await readInForce(tx);
    const known = await findRun(tx, 'id = $1', [request.runId]);
    if (!known) return refuse(tx, context, request, null, 'permit_unknown', 'No such run exists.');
    const workspace = await lockWorkspace(tx, known.conversation);
    const run = await findRun(tx, 'id = $1 FOR UPDATE', [request.runId]);
    const [permit] = await tx.query<PermitRow>('SELECT id, plan_hash, epoch, expires_at, status, instance, nonce FROM interlock.permits WHERE id = $1 AND run_id = $2 FOR UPDATE', [request.permitId, request.runId]);
    // To another service than the one that executes this kind, no such permit exists.
    if (!run || !permit || (run.plan !== null && executors[run.plan.kind] !== caller)) return refuse(tx, context, request, known, 'permit_unknown', 'No such permit exists.');
    return await claimKnown(tx, context, state, workspace.revision, run, permit, request);
  });
  if ('refusal' in outcome) throw outcome.refusal;
  const { grant } = outcome;
  return { grant, grantSignature: signText(context.permitKey, signedBytes(signingContexts.claim, grant)) };
}

async function claimKnown(tx: Tx, context: Context, state: InForce, revision: string, run: RunRow, permit: PermitRow, request: Request): Promise<Outcome> {
  const no = (code: ErrorCode, message: string): Outcome => refuse(tx, context, request, run, code, message);
  const grant: ClaimGrant = { permitId: permit.id, runId: run.id, nonce: request.nonce, planHash: permit.plan_hash, epoch: state.epoch };
  if (permit.status === 'claimed') {
    const repeated = permit.nonce === request.nonce && permit.instance === request.instance && permit.plan_hash === request.planHash;
    // Stopped since, or a lockdown came in between, lifted or not: its first answer must not start it any more.
    const stillRuns = run.status === 'running' && run.stop_requested === null && permit.epoch === state.epoch;
    return repeated && stillRuns && !state.lockdown ? { grant } : no('permit_claimed', 'The permit was used already.');
  }
  if (state.lockdown) return no('lockdown', 'Nothing starts during a lockdown.');
  if (permit.status === 'void' || run.status !== 'due' || permit.epoch !== state.epoch) return no('permit_void', 'The permit is no longer valid.');
  if (permit.expires_at <= tx.now) return no('permit_expired', 'The permit has expired.');
  if (run.plan === null || request.planHash !== permit.plan_hash || planHash(run.plan) !== permit.plan_hash) return no('plan_mismatch', 'The permit is for another action.');

  const judgement = judgeAction(actionOf(run.plan), state);
  // A person's word holds against everything but a deny; a rule's word only as long as the rule.
  if (judgement.decision === 'deny' || (run.source === 'policy' && judgement.decision !== 'allow')) {
    await endRun(tx, context.events, run, { status: 'refused', detail: `The policy has changed before it could start. ${judgement.reasons.join(' ')}` });
    await issuePermit(tx, context, { conversation: run.conversation, epoch: state.epoch, revision });
    return no('permit_void', 'The policy no longer lets it run.');
  }
  if (usesWorkspace(run.plan.kind) && request.workspaceRevision !== run.plan.workspaceRevision) {
    await refuseForRevision(tx, context, run.conversation, revision, request.workspaceRevision);
    return no('revision_mismatch', 'The files of the workspace are not those that it was approved for.');
  }
  await tx.query("UPDATE interlock.permits SET status = 'claimed', instance = $2, nonce = $3, claimed_at = $4 WHERE id = $1", [permit.id, request.instance, request.nonce, tx.now]);
  await tx.query("UPDATE interlock.runs SET status = 'running', instance = $2, lease_until = $3, started_at = $4 WHERE id = $1", [run.id, request.instance, tx.now + context.limits.leaseMs, tx.now]);
  tx.record({
    event: 'claimed', conversation: run.conversation, verdict: 'running', text: summaryOf(actionOf(run.plan)), digest: permit.plan_hash,
    subject: { runId: run.id, permitId: permit.id, key: run.key, kind: run.plan.kind, source: run.source, policy: versionOf(state), epoch: String(state.epoch), instance: request.instance },
  });
  await context.events.runChanged(tx, { conversation: run.conversation, turnId: run.turn_id, key: run.key, runId: run.id, status: 'running', exitCode: null, command: run.command, driver: null });
  return { grant };
}

/**
 * The workspace is not what the last run left: it was lost, or changed behind our back. Nothing that was approved for the other
 * one may start, and from here on its real content counts.
 */
async function refuseForRevision(tx: Tx, context: Context, conversation: string, expected: string, actual: string): Promise<void> {
  await noteRevision(tx, conversation, expected, actual, null);
  const due = await tx.query<RunRow>(`SELECT ${runColumns} FROM interlock.runs WHERE conversation = $1 AND status = 'due' ORDER BY place FOR UPDATE`, [conversation]);
  for (const run of due) await endRun(tx, context.events, run, { status: 'refused', detail: 'The files of the workspace are not those that it was approved for.' });
}

/** What was asked for comes from outside. */
const isDigest = /^[0-9a-f]{64}$/;

function refuse(tx: Tx, context: Context, request: Request, run: RunRow | null, code: ErrorCode, message: string): Outcome {
  tx.record({ event: 'claim_refused', conversation: run?.conversation ?? null, verdict: code, subject: { runId: request.runId, permitId: request.permitId, instance: request.instance, ...(run ? { key: run.key } : {}) }, digest: isDigest.test(request.planHash) ? request.planHash : null });
  context.events.claimRefused(request.runId, request.permitId, code);
  return { refusal: new ServiceError(code, message) };
}
