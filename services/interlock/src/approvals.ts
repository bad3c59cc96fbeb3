import type { Action, RunPlan } from '@megabot/contracts/action.ts';
import type { Approval, ApprovalStatus } from '@megabot/contracts/approval.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { planHash } from './plan.ts';
import type { JudgedPart } from '@megabot/contracts/policy.ts';
import { redactedParts } from './judged.ts';
import { fitting } from './reply-size.ts';
import { limitsOf, mountsOf, networkOf } from './kinds/surroundings.ts';
import { riskOf } from './kinds/table.ts';
import { approvalColumns, toApproval, type ApprovalRow } from './rows.ts';
import type { Tx } from './transaction.ts';

export interface NewApproval {
  readonly key: string;
  readonly conversation: string;
  readonly turnId: string;
  readonly requestedBy: string;
  readonly action: Action;
  readonly plan: RunPlan;
  readonly text: string;
  readonly reasons: string[];
  /** The simple commands that were found in it. */
  readonly parts?: readonly JudgedPart[];
  /** What a person should notice before deciding. */
  readonly warnings?: readonly string[];
  /** What of the machine it sees, in words; by default what every run in the sandbox does. */
  readonly mounts?: readonly string[];
  /** Unified diff, for changes of files. It is forgotten with the plan. */
  readonly diff?: string;
  readonly edited?: { readonly from: string; readonly by: string };
  readonly expiresAt: number;
}

const shortLength = 6;

export async function insertApproval(tx: Tx, approval: NewApproval): Promise<Approval> {
  const id = newId();
  const [row] = await tx.query<ApprovalRow>(
    `INSERT INTO interlock.approvals (id, short_id, key, conversation, turn_id, requested_by, kind, command, plan, plan_hash, revision, reasons, risk, created_at, expires_at,
       parts, warnings, mounts, limits, diff, edited_from, edited_by, network)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12::jsonb, $13, $14, $15, $16::jsonb, $17::jsonb, $18::jsonb, $19::jsonb, $20, $21, $22, $23::jsonb) RETURNING ${approvalColumns}`,
    [
      id, await shortIdFor(tx, id), approval.key, approval.conversation, approval.turnId, approval.requestedBy, approval.action.kind, approval.text, JSON.stringify(approval.plan),
      planHash(approval.plan), approval.plan.workspaceRevision, JSON.stringify(approval.reasons), riskOf(approval.action), tx.now, approval.expiresAt,
      JSON.stringify(redactedParts(approval.parts ?? [])), JSON.stringify(approval.warnings ?? []), JSON.stringify(approval.mounts ?? mountsOf(approval.plan)),
      JSON.stringify(limitsOf(approval.plan)), approval.diff ?? null, approval.edited?.from ?? null, approval.edited?.by ?? null,
      JSON.stringify(networkOf(approval.plan)),
    ],
  );
  if (!row) throw new Error('an approval was not stored');
  return toApproval(row);
}

async function shortIdFor(sql: Sql, id: string): Promise<string> {
  const alike = await sql.query<{ id: string }>('SELECT id FROM interlock.approvals WHERE id LIKE $1', [`${id.slice(0, shortLength)}%`]);
  let length = shortLength;
  while (alike.some((other) => other.id.startsWith(id.slice(0, length)))) length += 1;
  return id.slice(0, length);
}

/**
 * The approval that a person means by an id or the beginning of one: the only one that fits, or the only pending one. With a
 * conversation, only its approvals count.
 * @throws ServiceError `approval_unknown`, or `approval_ambiguous` with `details.candidates`
 */
export async function resolveApproval(sql: Sql, prefix: string, conversation?: string): Promise<string> {
  const wanted = prefix.toLowerCase();
  const rows = await sql.query<{ id: string; short_id: string; command: string; status: ApprovalStatus }>(
    `SELECT id, short_id, command, status FROM interlock.approvals WHERE id LIKE $1 AND ($2::text IS NULL OR conversation = $2) ORDER BY (status = 'pending') DESC, created_at DESC LIMIT 50`,
    [`${wanted}%`, conversation ?? null],
  );
  const exact = rows.find((row) => row.id === wanted);
  const pending = rows.filter((row) => row.status === 'pending');
  const chosen = exact ?? (rows.length === 1 ? rows[0] : pending.length === 1 ? pending[0] : undefined);
  if (chosen) return chosen.id;
  if (rows.length === 0) throw new ServiceError('approval_unknown', 'No approval has an id that begins like this.', { hint: 'The pending approvals are listed by !policies and in the UI.' });
  const candidates = (pending.length > 0 ? pending : rows).slice(0, 10).map((row) => ({ id: row.id, shortId: row.short_id, command: row.command.slice(0, 200), status: row.status }));
  throw new ServiceError('approval_ambiguous', 'Several approvals have an id that begins like this.', { hint: 'Write more of the id.', details: { candidates } });
}

export async function getApproval(sql: Sql, prefix: string): Promise<Approval> {
  const id = await resolveApproval(sql, prefix);
  const [row] = await sql.query<ApprovalRow>(`SELECT ${approvalColumns} FROM interlock.approvals WHERE id = $1`, [id]);
  if (!row) throw new ServiceError('approval_unknown', 'The approval is gone.');
  return toApproval(row);
}

/** Newest last, so that a list reads like the conversation; of very long ones, only the newest that fit into a reply. */
export async function listApprovals(sql: Sql, filter: { status?: ApprovalStatus | undefined; conversation?: string | undefined; limit: number }): Promise<Approval[]> {
  const rows = await sql.query<ApprovalRow>(
    `SELECT ${approvalColumns} FROM interlock.approvals WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR conversation = $2) ORDER BY created_at DESC, id LIMIT $3`,
    [filter.status ?? null, filter.conversation ?? null, filter.limit],
  );
  return fitting(rows.map(toApproval)).toReversed();
}
