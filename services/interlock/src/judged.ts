import type { Judgement, JudgedPart } from '@megabot/contracts/policy.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { redact } from './redact.ts';
import { fitting } from './reply-size.ts';

/** What is kept of a judgement, for the question "why". */
export interface StoredJudgement {
  readonly decision: Judgement['decision'];
  readonly rule: string | null;
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly parts: readonly JudgedPart[];
}

/** Parts of a line may repeat a long line many times over. */
const maxPartsBytes = 64 * 1024;

/**
 * The parts without what looks like a secret, since they outlive the exact bytes; no more of them than fit into 64 KiB. A secret
 * that spans words (`--password x`) takes the words with it.
 */
export function redactedParts(parts: readonly JudgedPart[]): readonly JudgedPart[] {
  if (parts.length === 0) return parts;
  return fitting(parts.map((part) => ({ ...part, words: redactedWords(part.words), reason: redact(part.reason) })), maxPartsBytes);
}

function redactedWords(words: readonly string[]): string[] {
  const line = words.join(' ');
  const shown = redact(line);
  if (shown === line) return [...words];
  const singly = words.map(redact);
  return singly.join(' ') === shown ? singly : [shown];
}

/** Keeps with an action how it was judged, and under which version of the policy. The text itself is not in it. */
export async function recordJudgement(sql: Sql, key: string, judgement: Omit<Judgement, 'commands'>, policyVersion: string): Promise<void> {
  const { decision, rule, reasons, warnings, parts } = judgement;
  const stored: StoredJudgement = { decision, rule, reasons: reasons.map(redact), warnings: (warnings ?? []).map(redact), parts: redactedParts(parts ?? []) };
  await sql.query('UPDATE interlock.actions SET judgement = $2::jsonb, policy_version = $3 WHERE key = $1', [key, JSON.stringify(stored), policyVersion.slice(0, 32)]);
}
