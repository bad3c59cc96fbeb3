import type { RunPlan } from '@megabot/contracts/action.ts';
import type { Approval, ApprovalStatus, Risk } from '@megabot/contracts/approval.ts';
import type { Run, RunStatus } from '@megabot/contracts/run.ts';
import type { Sql } from '@megabot/postgres/database.ts';

export interface ApprovalRow extends Record<string, unknown> {
  id: string;
  short_id: string;
  key: string;
  conversation: string;
  turn_id: string;
  requested_by: string;
  kind: 'shell' | 'file_write';
  command: string;
  plan: RunPlan | null;
  plan_hash: string;
  revision: string;
  reasons: string[];
  risk: Risk;
  status: ApprovalStatus;
  created_at: number;
  expires_at: number;
  decided_by: string | null;
  decided_at: number | null;
  reason: string | null;
  run_id: string | null;
}

export const approvalColumns =
  'id, short_id, key, conversation, turn_id, requested_by, kind, command, plan, plan_hash, revision, reasons, risk, status, created_at, expires_at, decided_by, decided_at, reason, run_id';

export function toApproval(row: ApprovalRow): Approval {
  return {
    id: row.id,
    shortId: row.short_id,
    kind: row.kind,
    command: row.command,
    reasons: row.reasons,
    risk: row.risk,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    conversation: row.conversation,
    turnId: row.turn_id,
    requestedBy: row.requested_by,
    cwd: '/workspace',
    network: 'none',
    planHash: row.plan_hash,
    status: row.status,
    ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.run_id === null ? {} : { runId: row.run_id }),
  };
}

export interface RunRow extends Record<string, unknown> {
  id: string;
  key: string;
  conversation: string;
  turn_id: string;
  source: 'policy' | 'approval' | 'grant';
  command: string;
  plan: RunPlan | null;
  status: RunStatus;
  deadline: number;
  instance: string | null;
  lease_until: number | null;
  stop_requested: 'cancel' | 'lockdown' | null;
  exit_code: number | null;
  signal: string | null;
  output: string;
  truncated: boolean;
  driver: string | null;
  detail: string | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  reported: boolean;
}

export const runColumns =
  'id, key, conversation, turn_id, source, command, plan, status, deadline, instance, lease_until, stop_requested, exit_code, signal, output, truncated, driver, detail, created_at, started_at, ended_at, reported';

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    conversation: row.conversation,
    turnId: row.turn_id,
    command: row.command,
    status: row.status,
    exitCode: row.exit_code,
    signal: row.signal,
    output: row.output,
    truncated: row.truncated,
    driver: row.driver,
    detail: row.detail,
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}

/** The one row of a list, or undefined. */
export async function findApproval(sql: Sql, where: string, parameters: readonly unknown[]): Promise<ApprovalRow | undefined> {
  const [row] = await sql.query<ApprovalRow>(`SELECT ${approvalColumns} FROM interlock.approvals WHERE ${where}`, parameters);
  return row;
}

export async function findRun(sql: Sql, where: string, parameters: readonly unknown[]): Promise<RunRow | undefined> {
  const [row] = await sql.query<RunRow>(`SELECT ${runColumns} FROM interlock.runs WHERE ${where}`, parameters);
  return row;
}
