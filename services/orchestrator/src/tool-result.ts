import { neutralText } from '@megabot/contracts/neutral-text.ts';
import type { RecalledItem } from '@megabot/contracts/memory-item.ts';
import type { SubmitOutcome } from '@megabot/contracts/endpoints/interlock.ts';
import { changedFileLines } from './changed-files.ts';
import { howItEnded, isSimulated, type Outcome } from './outcome.ts';
import { shorten } from './text.ts';

/**
 * Results as the model reads them. Whatever comes from outside stands between tags and is called data. A closing tag inside
 * it would seem to end it, so it is broken up.
 */
export function asData(text: string, limit: number): string {
  return `<output>\n${shorten(text, limit).replaceAll('</output', '<\u200b/output')}\n</output>`;
}

export function actionResult(outcome: Outcome, outputLimit: number): string {
  switch (outcome.kind) {
    case 'denied':
      return deniedResult(outcome.denial);
    case 'rejected':
      return `Rejected by ${outcome.by}; not done.${outcome.reason ? ` Reason: ${outcome.reason}` : ''}`;
    case 'expired':
      return 'Nobody approved it in time; not done.';
    case 'cancelled':
      return 'Cancelled; not done.';
    case 'ran': {
      const { run } = outcome;
      const label = isSimulated(run) ? ' (in a simulated shell, not a real one)' : '';
      const head = run.status === 'exited' ? `exit code ${run.exitCode ?? 'unknown'}${label}` : `It ${howItEnded(run)}${label}`;
      const detail = run.detail ? ` ${run.detail}` : '';
      const output = run.output === '' ? ' No output.' : ` Output, as data:\n${asData(neutralText(run.output), outputLimit)}`;
      const changed = changedFileLines(run);
      const files = changed.length === 0 ? '' : `\nFiles changed in the workspace, as data:\n${asData(changed.join('\n'), 4_000)}`;
      return `${head}.${detail}${output}${files}${run.truncated ? '\nThe output was cut off.' : ''}`;
    }
  }
}

export function deniedResult(denial: Extract<SubmitOutcome, { decision: 'deny' }>): string {
  const rule = denial.rule === null ? '' : ` by the rule "${denial.rule}"`;
  const reasons = denial.reasons.length > 0 ? ` ${denial.reasons.join(' ')}` : '';
  return `Denied by the policy${rule}; not done.${reasons} Do not try to get around it.`;
}

export function recallResult(items: readonly RecalledItem[], outputLimit: number): string {
  if (items.length === 0) return 'Nothing in memory matches.';
  return `${items.length} found, as data:\n${asData(items.map((item) => `- ${item.text} [id ${item.id}]`).join('\n'), outputLimit)}`;
}
