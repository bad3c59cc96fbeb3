import { neutralText } from '@megabot/contracts/neutral-text.ts';
import { changedFileLines } from './changed-files.ts';
import { howItEnded, isSimulated, type Outcome } from './outcome.ts';
import { fenced, inlineCode, shorten } from './text.ts';

const shownOutput = 16_000;

/** The answer of a `!run`, readable as it is, and whether the command could be dealt with at all. */
export function runAnswer(command: string, outcome: Outcome): { status: 'done' | 'failed'; text: string } {
  const what = inlineCode(command);
  switch (outcome.kind) {
    case 'denied': {
      const { rule, reasons } = outcome.denial;
      const why = reasons.length > 0 ? `\n${reasons.map((reason) => `- ${reason}`).join('\n')}` : '';
      const by = rule === null ? 'Denied by the policy' : `Denied by the rule ${inlineCode(rule)}`;
      return { status: 'done', text: `${by}: ${what} was not run.${why}` };
    }
    case 'rejected':
      return { status: 'done', text: `Rejected by ${outcome.by}: ${what} was not run.${outcome.reason ? ` Reason given: ${outcome.reason}` : ''}` };
    case 'expired':
      return { status: 'done', text: `Nobody decided in time, so the approval expired: ${what} was not run. Send it again to ask anew.` };
    case 'cancelled':
      return { status: 'done', text: `Cancelled: ${what} was not run.` };
    case 'ran': {
      const { run } = outcome;
      const parts = [`${what} ${howItEnded(run)}.`];
      if (run.detail) parts.push(run.detail);
      if (isSimulated(run)) parts.push(`This was a simulation: ${run.driver ?? ''} executed it, not a real container.`);
      if (run.output !== '') parts.push(fenced(shorten(neutralText(run.output), shownOutput)));
      else if (run.status === 'exited') parts.push('It printed nothing.');
      if (run.binary) parts.push(`Its standard output is no text. The bytes are at /api/v1/runs/${run.id}/output.`);
      const changed = changedFileLines(run);
      if (changed.length > 0) parts.push(`Files changed in the workspace:\n\n${fenced(changed.join('\n'))}`);
      if (run.truncated) parts.push('The output was longer than allowed; the rest was dropped.');
      const failed = run.status === 'engine_failure' || run.status === 'interrupted' || run.status === 'expired' || run.status === 'refused';
      return { status: failed ? 'failed' : 'done', text: parts.join('\n\n') };
    }
  }
}
