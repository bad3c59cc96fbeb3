import { canonicalJson } from '@megabot/contracts/canonical.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import type { Context } from '../context.ts';
import { actionOf, planHash, usesWorkspace } from '../plan.ts';
import type { ApprovalRow } from '../rows.ts';
import { gatherFacts } from './facts.ts';
import type { Facts } from './rules.ts';

/** What the files of approvals hold by now, by the approvals' ids. */
export type Looks = Map<string, Facts>;

/** The transaction cannot go on without knowing what the files hold, and does not wait for others while it holds locks. */
class LookNeeded extends Error {
  override readonly name = 'LookNeeded';
  readonly row: ApprovalRow;
  constructor(row: ApprovalRow) {
    super('what the files hold has to be looked up first');
    this.row = row;
  }
}

/** How often a transaction is begun again for another look. */
const maxLooks = 64;

/** Does `work` with what it needs to know of files; what it turns out to need is looked up outside of it, and it begins anew. */
export async function lookingAgain<T>(context: Context, work: (looks: Looks) => Promise<T>): Promise<T> {
  const looks: Looks = new Map();
  for (;;) {
    try {
      return await work(looks);
    } catch (error) {
      if (!(error instanceof LookNeeded) || error.row.plan === null || looks.size >= maxLooks) throw error;
      looks.set(error.row.id, await gatherFacts(context, actionOf(error.row.plan), error.row.conversation));
    }
  }
}

export type Rebound =
  /** `changed`: a person has to look again. */
  | { readonly row: ApprovalRow; readonly changed: boolean }
  | { readonly impossible: string };

/**
 * Binds a pending approval that is locked to the revision of the workspace that there is by now. A command may do something else
 * there; a change of files is the same as long as each of its files is; what does not use the workspace is the same anyway.
 * @throws LookNeeded, for `lookingAgain`
 */
export async function rebind(sql: Sql, row: ApprovalRow, revision: string, looks: Looks): Promise<Rebound> {
  const { plan } = row;
  if (plan === null) throw new Error('a pending approval has no plan');
  if (plan.kind !== 'file_write' && plan.kind !== 'file_delete' && plan.kind !== 'file_move') {
    return { row: await store(sql, row, { ...plan, workspaceRevision: revision }, revision, row.diff), changed: usesWorkspace(plan.kind) };
  }
  const facts = looks.get(row.id);
  if (!facts) throw new LookNeeded(row);
  if (facts.impossible !== undefined) return { impossible: facts.impossible };
  const changes = [...(facts.changes ?? [])];
  const changed = canonicalJson(changes) !== canonicalJson(plan.changes);
  return { row: await store(sql, row, { ...plan, changes, workspaceRevision: revision }, revision, facts.diff ?? null), changed };
}

async function store(sql: Sql, row: ApprovalRow, plan: NonNullable<ApprovalRow['plan']>, revision: string, diff: string | null): Promise<ApprovalRow> {
  const hash = planHash(plan);
  await sql.query('UPDATE interlock.approvals SET plan = $2::jsonb, plan_hash = $3, revision = $4, diff = $5 WHERE id = $1', [row.id, JSON.stringify(plan), hash, revision, diff]);
  return { ...row, plan, plan_hash: hash, revision, diff };
}
