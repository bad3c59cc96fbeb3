import { isServiceError, type ErrorCode } from '@megabot/contracts/errors.ts';
import type { NewAuditEntry } from './audit.ts';
import type { Context } from './context.ts';

/** Failures that decide nothing, and one whose entry is written together with what it changes. */
const unrecorded: readonly ErrorCode[] = ['unavailable', 'approval_changed'];

/**
 * Runs `work`; if it refuses, which undoes whatever it did, the refusal itself goes into the audit log. An entry that cannot be
 * written changes nothing for the caller: nothing was allowed.
 */
export async function recordingRefusals<T>(context: Context, entry: Omit<NewAuditEntry, 'verdict'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = isServiceError(error) ? error.code : undefined;
    if (code !== undefined && !unrecorded.includes(code)) {
      await context
        .transact(async (tx) => tx.record({ ...entry, subject: { ...entry.subject, ...whyOf(error) }, verdict: code }))
        .catch((reason: unknown) => context.logger.error({ err: reason, event: entry.event }, 'a refusal could not be recorded'));
    }
    throw error;
  }
}

/** Which of the conditions behind one code it was. */
function whyOf(error: unknown): { why?: string } {
  const why = isServiceError(error) ? error.details?.why : undefined;
  return typeof why === 'string' ? { why } : {};
}
