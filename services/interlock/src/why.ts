import type { z } from 'zod';
import type { ActionKind } from '@megabot/contracts/action.ts';
import type { SubmitOutcome, why } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import type { StoredJudgement } from './judged.ts';
import { findApproval, findRun, toApproval, toRun } from './rows.ts';

type Reply = z.infer<(typeof why)['reply']>;

interface ActionRow extends Record<string, unknown> {
  key: string;
  kind: ActionKind;
  outcome: SubmitOutcome;
  judgement: StoredJudgement | null;
  policy_version: string | null;
}

/**
 * Why something was judged as it was, from what was recorded at the time: by the id of an approval or a run, or its beginning, or
 * by the whole id of a turn, which means the last action of that turn.
 * @throws ServiceError `not_found`, `approval_ambiguous`
 */
export async function explain(sql: Sql, id: string): Promise<Reply> {
  const key = await keyOf(sql, id.toLowerCase());
  const [action] = await sql.query<ActionRow>('SELECT key, kind, outcome, judgement, policy_version FROM interlock.actions WHERE key = $1', [key]);
  if (!action) throw notFound();
  const approval = await findApproval(sql, 'key = $1', [key]);
  const run = await findRun(sql, 'key = $1', [key]);
  const { outcome, judgement } = action;
  return {
    kind: action.kind,
    text: approval?.command ?? run?.command ?? (await deniedText(sql, key)),
    decision: outcome.decision,
    rule: judgement?.rule ?? (outcome.decision === 'deny' ? outcome.rule : null),
    reasons: [...(judgement?.reasons ?? (outcome.decision === 'allow' ? [] : outcome.reasons))],
    parts: [...(judgement?.parts ?? [])],
    policyVersion: action.policy_version,
    approval: approval ? toApproval(approval) : null,
    run: run ? toRun(run) : null,
  };
}

async function keyOf(sql: Sql, id: string): Promise<string> {
  const rows = await sql.query<{ key: string; id: string }>(
    `(SELECT key, id FROM interlock.approvals WHERE id LIKE $1 LIMIT 20) UNION ALL (SELECT key, id FROM interlock.runs WHERE id LIKE $1 LIMIT 20)
     UNION ALL (SELECT key, turn_id AS id FROM interlock.actions WHERE turn_id = $2 ORDER BY created_at DESC, key DESC LIMIT 1)`,
    [`${id}%`, id],
  );
  const keys = new Set((rows.some((row) => row.id === id) ? rows.filter((row) => row.id === id) : rows).map((row) => row.key));
  const [only, other] = keys;
  if (only === undefined) throw notFound();
  if (other !== undefined) throw new ServiceError('approval_ambiguous', 'Several ids begin like this.', { hint: 'Write more of the id.', details: { candidates: rows.slice(0, 10).map((row) => ({ id: row.id })) } });
  return only;
}

/** What was denied has neither an approval nor a run: its text is in the audit log alone, and may have been erased there. */
async function deniedText(sql: Sql, key: string): Promise<string> {
  const [row] = await sql.query<{ text: string | null }>(
    `SELECT t.text FROM interlock.audit a LEFT JOIN interlock.audit_text t ON t.seq = a.seq WHERE a.event = 'judged' AND a.subject ->> 'key' = $1 ORDER BY a.seq DESC LIMIT 1`,
    [key],
  );
  const text = row?.text ?? '(The text was erased.)';
  const because = text.lastIndexOf('\nBecause: ');
  return because < 0 ? text : text.slice(0, because);
}

const notFound = (): ServiceError => new ServiceError('not_found', 'No approval, run or turn has an id that begins like this.', { hint: 'The ids stand with each approval and run.' });
