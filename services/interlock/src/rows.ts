import type { ActionKind, RunLimits, RunPlan } from '@megabot/contracts/action.ts';
import type { Approval, ApprovalStatus, Risk } from '@megabot/contracts/approval.ts';
import type { NetworkGrant } from '@megabot/contracts/network.ts';
import type { JudgedPart } from '@megabot/contracts/policy.ts';
import type { Channel } from '@megabot/contracts/principal.ts';
import type { ChangedFiles, Run, RunStatus } from '@megabot/contracts/run.ts';
import type { Sql } from '@megabot/postgres/database.ts';

export interface ApprovalRow extends Record<string, unknown> {
  id: string;
  short_id: string;
  key: string;
  conversation: string;
  turn_id: string;
  requested_by: string;
  kind: ActionKind;
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
  decided_channel: Channel | null;
  reason: string | null;
  run_id: string | null;
  parts: JudgedPart[];
  warnings: string[];
  mounts: string[];
  limits: RunLimits | null;
  diff: string | null;
  edited_from: string | null;
  edited_by: string | null;
  grant_expires_at: number | null;
  network: NetworkGrant;
}

export const approvalColumns =
  'id, short_id, key, conversation, turn_id, requested_by, kind, command, plan, plan_hash, revision, reasons, risk, status, created_at, expires_at, decided_by, decided_at, decided_channel, reason, run_id, parts, warnings, mounts, limits, diff, edited_from, edited_by, grant_expires_at, network';

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
    network: row.network,
    ...(row.plan?.kind === 'shell' && row.plan.stdin !== undefined ? { stdin: row.plan.stdin } : {}),
    parts: row.parts,
    warnings: row.warnings,
    mounts: row.mounts,
    ...(row.limits === null ? {} : { limits: row.limits }),
    ...(row.diff === null ? {} : { diff: row.diff }),
    ...(row.edited_from === null ? {} : { editedFrom: row.edited_from }),
    planHash: row.plan_hash,
    status: row.status,
    ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at }),
    ...(row.decided_channel === null ? {} : { decidedChannel: row.decided_channel }),
    ...(row.grant_expires_at === null ? {} : { grantExpiresAt: row.grant_expires_at }),
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
  changed_files: ChangedFiles | null;
  binary: boolean;
}

export const runColumns =
  'id, key, conversation, turn_id, source, command, plan, status, deadline, instance, lease_until, stop_requested, exit_code, signal, output, truncated, driver, detail, created_at, started_at, ended_at, reported, changed_files, binary_output IS NOT NULL AS "binary"';

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
    ...(row.changed_files === null ? {} : { changedFiles: row.changed_files }),
    ...(row.binary ? { binary: true } : {}),
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
