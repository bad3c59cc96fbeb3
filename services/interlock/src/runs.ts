import { createHash } from 'node:crypto';
import { signedBytes } from '@megabot/contracts/canonical.ts';
import { executors, type RunPlan } from '@megabot/contracts/action.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { ChangedFiles, RunStatus } from '@megabot/contracts/run.ts';
import { signingContexts, type PermitClaims } from '@megabot/contracts/ticket.ts';
import { signText } from '@megabot/crypto/ed25519.ts';
import type { Context } from './context.ts';
import type { InterlockEvents } from './events.ts';
import { actionOf, planHash, summaryOf } from './plan.ts';
import { redact } from './redact.ts';
import { findRun, type RunRow } from './rows.ts';
import type { Tx } from './transaction.ts';

export interface NewRun {
  readonly id: string;
  readonly key: string;
  readonly conversation: string;
  readonly turnId: string;
  readonly source: RunRow['source'];
  readonly command: string;
  readonly plan: RunPlan;
}

/** Makes a run due. It starts when the runs of its conversation before it have ended. */
export async function createRun(tx: Tx, context: Context, run: NewRun): Promise<void> {
  await tx.query(
    `INSERT INTO interlock.runs (id, key, conversation, turn_id, source, command, plan, deadline, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9)`,
    [run.id, run.key, run.conversation, run.turnId, run.source, run.command, JSON.stringify(run.plan), tx.now + context.limits.dueMs, tx.now],
  );
}

/**
 * Issues a permit for the first run of the conversation that is due, unless one is running or it has a live permit; the
 * permit before it is void in the same transaction. The plan takes the workspace's revision of this moment: whoever approved
 * it did so knowing of the runs before it. State and workspace must be locked.
 */
export async function issuePermit(tx: Tx, context: Context, at: { conversation: string; epoch: number; revision: string }): Promise<void> {
  const head = await findRun(tx, `conversation = $1 AND status IN ('due', 'running') ORDER BY place LIMIT 1 FOR UPDATE`, [at.conversation]);
  if (!head || head.status !== 'due' || head.plan === null) return;
  const [last] = await tx.query<{ number: number; status: string; expires_at: number }>(
    'SELECT number, status, expires_at FROM interlock.permits WHERE run_id = $1 ORDER BY number DESC LIMIT 1 FOR UPDATE',
    [head.id],
  );
  if (last?.status === 'live' && last.expires_at > tx.now) return;
  // Waiting for its turn does not count: the time for finding an executor begins with the first permit.
  const deadline = last ? head.deadline : tx.now + context.limits.dueMs;
  if (deadline <= tx.now) return;
  await tx.query("UPDATE interlock.permits SET status = 'void' WHERE run_id = $1 AND status = 'live'", [head.id]);
  const plan = { ...head.plan, workspaceRevision: at.revision };
  const number = (last?.number ?? 0) + 1;
  const claims: PermitClaims = {
    permitId: newId(),
    runId: head.id,
    turnId: head.turn_id,
    executor: executors[plan.kind],
    planHash: planHash(plan),
    epoch: at.epoch,
    issuedAt: tx.now,
    expiresAt: tx.now + context.limits.permitMs,
  };
  await tx.query('UPDATE interlock.runs SET plan = $2::jsonb, deadline = $3 WHERE id = $1', [head.id, JSON.stringify(plan), deadline]);
  await tx.query('INSERT INTO interlock.permits (id, run_id, number, plan_hash, epoch, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)', [
    claims.permitId, head.id, number, claims.planHash, claims.epoch, claims.issuedAt, claims.expiresAt,
  ]);
  tx.record({ event: 'permit_issued', conversation: head.conversation, subject: { runId: head.id, permitId: claims.permitId, key: head.key }, digest: claims.planHash });
  tx.queue({ claims, signature: signText(context.permitKey, signedBytes(signingContexts.permit, claims)), plan }, number);
  context.events.permitIssued(head.id, claims.permitId, number);
}

export interface RunEnding {
  readonly status: RunStatus;
  readonly detail: string | null;
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly output?: string;
  readonly truncated?: boolean;
  readonly droppedBytes?: number;
  readonly driver?: string | null;
  readonly startedAt?: number | null;
  readonly reported?: boolean;
  readonly changedFiles?: ChangedFiles | undefined;
  /** Base64. */
  readonly binaryOutput?: string | undefined;
}

/** Ends a run for good: its permit is void, its exact bytes are forgotten, and whoever waits for the action hears of it. */
export async function endRun(tx: Tx, events: InterlockEvents, run: RunRow, ending: RunEnding): Promise<void> {
  // Of a change of files its names and sizes stay, of a command its text without secrets.
  const command = redact(run.plan ? summaryOf(actionOf(run.plan)) : run.command);
  await tx.query(
    `UPDATE interlock.runs SET status = $2, detail = $3, exit_code = $4, signal = $5, output = $6, truncated = $7, dropped_bytes = $8, driver = $9,
       started_at = $10, ended_at = $11, reported = $12, command = $13, changed_files = $14::jsonb, binary_output = $15, plan = NULL, lease_until = NULL WHERE id = $1`,
    [
      run.id, ending.status, ending.detail, ending.exitCode ?? null, ending.signal ?? null, ending.output ?? '', ending.truncated ?? false, ending.droppedBytes ?? 0,
      ending.driver ?? run.driver, ending.startedAt ?? run.started_at, tx.now, ending.reported ?? false, command,
      ending.changedFiles === undefined ? null : JSON.stringify(ending.changedFiles), ending.binaryOutput ?? null,
    ],
  );
  await tx.query("UPDATE interlock.permits SET status = 'void' WHERE run_id = $1 AND status = 'live'", [run.id]);
  await tx.query('UPDATE interlock.approvals SET plan = NULL, command = $2 WHERE key = $1', [run.key, command]);
  tx.record({ event: 'run_ended', conversation: run.conversation, verdict: ending.status, subject: endOf(tx, run, ending), text: ending.detail, digest: ending.output === undefined ? null : sha256(ending.output) });
  const ids = { conversation: run.conversation, turnId: run.turn_id, key: run.key };
  await events.runChanged(tx, { ...ids, runId: run.id, status: ending.status, exitCode: ending.exitCode ?? null, command, driver: ending.driver ?? run.driver });
  await events.settled(tx, ids);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What the audit log keeps of a run's end besides the hash of its output. */
function endOf(tx: Tx, run: RunRow, ending: RunEnding): Record<string, string> {
  const known = { exit: ending.exitCode, signal: ending.signal, driver: ending.driver, instance: run.instance, ranMs: run.started_at === null ? null : tx.now - run.started_at };
  return { runId: run.id, key: run.key, ...Object.fromEntries(Object.entries(known).flatMap(([name, value]) => (value === null || value === undefined ? [] : [[name, String(value)]]))) };
}
