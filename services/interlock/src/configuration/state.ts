import type { Policy, PolicyView } from '@megabot/contracts/policy.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { allowAllWarning, compilePolicy, type CompiledPolicy } from '../policy/decide.ts';
import { Settings } from './schema.ts';

/** What is in force: the one truth of all replicas, read within the transaction that acts on it. */
export interface InForce {
  readonly revision: number;
  readonly epoch: number;
  readonly lockdown: boolean;
  readonly contentHash: string;
  readonly policy: Policy;
  readonly compiled: CompiledPolicy;
  readonly settings: Settings;
  readonly warnings: readonly string[];
}

export interface StateRow extends Record<string, unknown> {
  revision: number;
  epoch: number;
  lockdown: boolean;
  content_hash: string | null;
  policy: Policy | null;
  settings: Settings | null;
  suspended: string | null;
  warnings: string[];
}

export async function readStateRow(sql: Sql, lock: '' | 'FOR SHARE' | 'FOR UPDATE'): Promise<StateRow> {
  const [row] = await sql.query<StateRow>(`SELECT revision, epoch, lockdown, content_hash, policy, settings, suspended, warnings FROM interlock.state ${lock}`);
  if (!row) throw new Error('the interlock has no state');
  return row;
}

// Compiling is pure, and the revision grows with every change: the last one is kept.
let compiledFor: { readonly row: string; readonly compiled: CompiledPolicy } | undefined;

let settingsFor: { readonly row: string; readonly settings: Settings } | undefined;

/** What was stored by an earlier version lacks what came later, which then has its default. */
function completed(stored: unknown): Settings {
  const row = JSON.stringify(stored);
  if (settingsFor?.row !== row) settingsFor = { row, settings: Settings.parse(stored) };
  return settingsFor.settings;
}

function compiled(policy: Policy, suspended: string | null): CompiledPolicy {
  const row = JSON.stringify([policy, suspended]);
  if (compiledFor?.row !== row) compiledFor = { row, compiled: compilePolicy(policy, suspended) };
  return compiledFor.compiled;
}

/** Reads what is in force and keeps it so until the transaction ends. @throws ServiceError `unavailable` before the first configuration. */
export async function readInForce(sql: Sql, lock: '' | 'FOR SHARE' | 'FOR UPDATE' = 'FOR SHARE'): Promise<InForce> {
  const row = await readStateRow(sql, lock);
  if (row.content_hash === null || row.policy === null || row.settings === null) {
    throw new ServiceError('unavailable', 'The interlock has not read its configuration yet.', { hint: 'Try again in a moment.' });
  }
  return {
    revision: row.revision,
    epoch: row.epoch,
    lockdown: row.lockdown,
    contentHash: row.content_hash,
    policy: row.policy,
    compiled: compiled(row.policy, row.suspended),
    settings: completed(row.settings),
    warnings: row.warnings,
  };
}

/** Names a policy in the audit log and to clients: the beginning of the hash of the file that it came from. */
export const versionOf = ({ contentHash }: Pick<InForce, 'contentHash'>): string => contentHash.slice(0, 32);

export const containsWarning =
  'Matching is "contains": a rule matches every command whose text holds it anywhere. An allow rule "ls" then also lets "lsof" run, and whatever is chained behind an "ls". Write "matching: commands" unless you need this.';

/** What a person has to know of the policy in force, in sentences. */
export function warningsOf(state: InForce): string[] {
  const star = state.compiled.allowAll && state.compiled.allowSuspended === null && !state.lockdown;
  return [...state.warnings, ...(star ? [allowAllWarning] : []), ...(state.policy.matching === 'contains' ? [containsWarning] : [])];
}

/** The policy in force, without what people granted beside it. */
export function toPolicyView(state: InForce): PolicyView {
  return { ...state.policy, version: state.contentHash.slice(0, 32), lockdown: state.lockdown, warnings: warningsOf(state) };
}
