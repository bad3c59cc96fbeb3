import type { AuditEntry } from '@megabot/contracts/audit.ts';

export interface HistoryRules {
  /** How long a permit may be claimed, in milliseconds. */
  readonly permitMs: number;
}

interface Issued {
  readonly runId: string;
  readonly at: number;
  readonly digest: string | null | undefined;
}

/**
 * Replays the audit log, which stands in the order of the commits, against the promises of the interlock, and says which of
 * them it contradicts. Knows nothing of the interlock's tables or code: only what the log itself says happened.
 */
export function contradictions(entries: readonly AuditEntry[], { permitMs }: HistoryRules): string[] {
  const found: string[] = [];
  const grounds = groundsOf(entries);
  const issued = new Map<string, Issued>();
  const newest = new Map<string, string>();
  const claimed = new Set<string>();
  const running = new Map<string, string>();
  const ended = new Set<string>();
  const decided = new Map<string, string>();
  const cancelledTurns = new Set<string>();
  let lockdown = false;
  const say = (entry: AuditEntry, problem: string): void => void found.push(`${entry.seq} (${entry.event}): ${problem}`);

  function claim(entry: AuditEntry): void {
    const { runId = '', permitId = '' } = entry.subject;
    const permit = issued.get(permitId);
    if (permit?.runId !== runId) return say(entry, 'a permit that was never issued for this run');
    if (claimed.has(permitId)) say(entry, 'a permit was claimed twice');
    if (claimed.has(runId)) say(entry, 'a run was started twice');
    if (newest.get(runId) !== permitId) say(entry, 'a permit was claimed after it was void');
    if (entry.at >= permit.at + permitMs) say(entry, 'a permit was claimed after its expiry');
    if (entry.digest !== permit.digest) say(entry, 'a permit was claimed for other bytes');
    if (lockdown) say(entry, 'a permit was claimed during a lockdown');
    if (ended.has(runId)) say(entry, 'a run that had ended was started');
    const ground = grounds.get(runId);
    if (ground === undefined || ground.seq >= entry.seq) say(entry, 'nobody and no rule had allowed it');
    else if (cancelledTurns.has(ground.turnId)) say(entry, 'its turn was cancelled before');
    if (running.has(entry.conversation ?? '')) say(entry, 'two runs of one conversation at a time');
    claimed.add(permitId).add(runId);
    running.set(entry.conversation ?? '', runId);
  }

  for (const entry of entries) {
    const { runId = '', permitId = '', approvalId = '', turnId = '' } = entry.subject;
    switch (entry.event) {
      case 'lockdown':
      case 'unlocked':
        lockdown = entry.event === 'lockdown';
        // Nothing that was issued before may be claimed after it, whether it was lifted or not.
        newest.clear();
        break;
      case 'permit_issued':
        if (lockdown) say(entry, 'a permit was issued during a lockdown');
        if (ended.has(runId) || claimed.has(runId)) say(entry, 'a permit was issued for a run that had started or ended');
        issued.set(permitId, { runId, at: entry.at, digest: entry.digest });
        newest.set(runId, permitId);
        break;
      case 'claimed':
        claim(entry);
        break;
      case 'run_ended':
        if (ended.has(runId)) say(entry, 'a run ended twice');
        ended.add(runId);
        newest.delete(runId);
        if (running.get(entry.conversation ?? '') === runId) running.delete(entry.conversation ?? '');
        break;
      case 'decided':
      case 'approval_expired':
      case 'approval_cancelled': {
        const before = decided.get(approvalId);
        if (before !== undefined) say(entry, `an approval that was ${before} already`);
        decided.set(approvalId, entry.verdict ?? entry.event);
        break;
      }
      case 'turn_cancelled':
        cancelledTurns.add(turnId);
        break;
      default:
    }
  }
  return found;
}

/** For each run: the entry that let it become due, and its turn. */
function groundsOf(entries: readonly AuditEntry[]): Map<string, { seq: number; turnId: string }> {
  const grounds = new Map<string, { seq: number; turnId: string }>();
  for (const { seq, event, verdict, subject } of entries) {
    const allowed = ((event === 'judged' || event === 'approval_edited') && verdict === 'allow') || (event === 'decided' && verdict === 'approved');
    if (allowed && subject['runId'] !== undefined) grounds.set(subject['runId'], { seq, turnId: subject['key']?.split(':')[0] ?? '' });
  }
  return grounds;
}
