import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { IdPrefix } from '@megabot/contracts/ids.ts';
import type { JudgedPart, Verdict } from '@megabot/contracts/policy.ts';
import { asCode, bounded } from '../display.ts';

export interface JudgementCommands {
  /** @throws ServiceError where repeating may succeed */
  test(command: string): Promise<string>;
  /** @throws ServiceError where repeating may succeed */
  why(argument: string): Promise<string>;
}

const verdicts: Readonly<Record<Verdict, string>> = {
  allow: '**Allow**: it would run without asking.',
  ask: '**Ask**: it would wait for you.',
  deny: '**Deny**: it would never run.',
};
const mostParts = 50;

/** `!test` and `!why`: which part, which rule, at which place. */
export function createJudgementCommands(bus: Bus): JudgementCommands {
  return {
    async test(command) {
      try {
        const { decision, rule, reasons, commands, parts, warnings = [] } = await bus.call(interlock.policyTest, { command });
        const found = parts ? describeParts(parts) : commands.map((words, index) => `${index + 1}. ${asCode(words.join(' '))}`);
        return [`${verdicts[decision]}${rule === null ? '' : ` Rule: ${asCode(rule)}.`} Nothing was run.`, '', ...section('Its commands', found), ...section('Why', bullets(reasons)), ...section('Mind', bullets(warnings))].join('\n').trimEnd();
      } catch (error) {
        if (isServiceError(error, 'policy_invalid')) return `It could not be judged: ${error.message} ${error.hint ?? ''} Nothing was run.`;
        throw error;
      }
    },
    async why(argument) {
      const id = IdPrefix.safeParse(argument.replace(/^`|`$/g, '').toLowerCase());
      if (argument === '') return 'Say which: `!why <id>` with the id of an approval or a run. `!pending` lists what waits.';
      if (!id.success) return `${asCode(argument)} is not an id. Use the characters shown on the approval or the run.`;
      try {
        const { text, decision, rule, reasons, parts, approval, run } = await bus.call(interlock.why, { id: id.data });
        const by = approval?.decidedBy === undefined ? '' : ` by ${approval.decidedBy}${approval.decidedChannel === undefined ? '' : ` over ${approval.decidedChannel}`}`;
        const then = [
          ...(approval ? [`Approval \`${approval.shortId}\`: ${approval.status}${by}${approval.reason ? ` (${asCode(approval.reason)})` : ''}.`] : []),
          ...(run ? [`Run \`${run.id.slice(0, 10)}\`: ${run.status}${run.exitCode === null ? '' : `, exit ${run.exitCode}`}${run.detail === null ? '' : ` (${asCode(run.detail)})`}.`] : []),
        ];
        return [
          asCode(bounded(text, 1_000, 'the web UI shows all of it')), '',
          `The verdict was **${decision}**${rule === null ? '' : ` by the rule ${asCode(rule)}`}.`, '',
          ...section('Its commands', describeParts(parts)), ...section('Why', bullets(reasons)), ...section('What became of it', bullets(then)),
        ].join('\n').trimEnd();
      } catch (error) {
        if (isServiceError(error, 'not_found')) return `Nothing has the id ${asCode(id.data)}. \`!pending\` lists what waits; the Activity page has the rest.`;
        if (isServiceError(error, 'approval_ambiguous')) return `${asCode(id.data)} fits several. Give more characters.`;
        throw error;
      }
    },
  };
}

const bullets = (sentences: readonly string[]): string[] => sentences.map((sentence) => `- ${sentence}`);
const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [`${title}:`, '', ...lines, '']);

function describeParts(parts: readonly JudgedPart[]): string[] {
  const shown = parts.slice(0, mostParts).map(({ words, start, end, verdict, rule, reason }, index) => {
    const by = rule === null ? '' : ` by ${rule.list} rule ${rule.index + 1} ${asCode(rule.pattern)}`;
    return `${index + 1}. ${asCode(words.join(' ').slice(0, 200))} (characters ${start + 1} to ${end}): **${verdict}**${by}; ${reason}`;
  });
  return parts.length > mostParts ? [...shown, `- and ${parts.length - mostParts} more`] : shown;
}
