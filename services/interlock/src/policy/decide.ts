import type { JudgedPart, Judgement } from '@megabot/contracts/policy.ts';
import { coverCommand, type AllowRule } from './allow.ts';
import { canonicalScript } from './canonical.ts';
import { suspiciousCharacter } from './characters.ts';
import type { CompiledPolicy } from './compile.ts';
import { findAllowNeedle, findDenyNeedle, type Needles } from './contains.ts';
import { findDenied } from './deny.ts';
import { judgeParts, partsAlike, ruleOf } from './parts.ts';
import { deniedPath } from './paths.ts';
import { findStarted, type Startings } from './started.ts';
import { readStrict, type StrictCommand } from './strict-reader.ts';
import { readTree, type Script } from './tree-reader.ts';

export { compilePolicy, type CompiledPolicy } from './compile.ts';

export interface ShellJudgement extends Judgement {
  /** To be said each time: `*` let it through. */
  readonly warnings: string[];
  /**
   * Set for what allow rules let through: what is to run instead of the text, word for word what the rules were compared with.
   * Elsewhere the text itself runs: where a person approved it, or `*` or `matching: contains` let it through.
   */
  readonly canonicalScript?: string;
}

/** Above this a command is denied, unread. */
export const maxCommandBytes = 65_536;
/** Above these a person has to look, whatever the rules say. */
const maxReadableLength = 8_192;
const maxReadableCommands = 50;
const maxShown = 50;

export const allowAllWarning = 'The allow list holds "*": every readable command that is not denied runs without asking.';

const judgement = (decision: Judgement['decision'], rule: string | null, reasons: string[], parts: JudgedPart[] = []): ShellJudgement => ({
  decision,
  rule,
  reasons,
  commands: parts.map((part) => part.words),
  warnings: [],
  parts,
});
const deny = (rule: string | null, reason: string, parts: JudgedPart[] = []): ShellJudgement => judgement('deny', rule, [reason], parts);

/**
 * What happens to a shell command under a policy, and why, in sentences for people. Deny is looked for broadly, then what
 * cannot be read asks, then allow is granted narrowly; everything else asks. Pure.
 */
export function judge(command: string, policy: CompiledPolicy): ShellJudgement {
  if (policy.lockdown) return deny('*', 'Everything is denied: the deny list holds "*" (lockdown).');
  if (Buffer.byteLength(command) > maxCommandBytes) return deny(null, 'The command is longer than 64 KiB.');
  if (command.includes('\0') || !command.isWellFormed()) return deny(null, 'The command holds a character that no program can receive.');
  const script = readTree(command);
  const startings = findStarted(script);
  if (policy.needles !== null) return judgeText(command, policy, policy.needles, startings);

  const { hit, doubts } = findDenied(command, startings, policy.deny);
  const parts = judgeParts(startings.started, policy.allow, hit);
  if (hit) return deny(hit.rule.text, hit.reason, parts);
  const unreadable = [...integrityProblems(command, script), ...new Set(doubts)];
  if (unreadable.length > 0) return judgement('ask', null, unreadable, parts);
  if (policy.allowSuspended !== null) return judgement('ask', null, [policy.allowSuspended], parts);
  if (policy.allowAll) return allowAll(policy, startings);
  return judgeByRules(command, policy, script, parts);
}

/** Why a text cannot be decided upon by rules, whatever they say. */
function integrityProblems(command: string, script: Script): string[] {
  const problems = [suspiciousCharacter(command), script.problem].filter((problem) => problem !== null);
  if (script.commands.length === 0 && script.problem === null) problems.push('There is no command in it.');
  if (command.length > maxReadableLength) problems.push('The command is too long to be judged by rules.');
  if (script.commands.length > maxReadableCommands) problems.push('It holds too many commands to be judged by rules.');
  return problems;
}

function allowAll(policy: CompiledPolicy, { started }: Startings): ShellJudgement {
  const reason = 'The allow list holds "*".';
  const parts = partsAlike(started, 'allow', { list: 'allow', pattern: '*', index: policy.allowAllIndex }, reason);
  return { ...judgement('allow', '*', [reason], parts), warnings: [allowAllWarning] };
}

/** Allow, if the strict reader can read all of it, the reader of trees agrees with it, and rules cover every command. */
function judgeByRules(command: string, policy: CompiledPolicy, script: Script, parts: JudgedPart[]): ShellJudgement {
  const ask = (reasons: string[]): ShellJudgement => judgement('ask', null, reasons, parts);
  const strict = readStrict(command);
  if (!strict.ok) return ask([...new Set([strict.reason, ...parts.filter((part) => part.verdict !== 'allow').map((part) => part.reason)])].slice(0, maxShown));
  if (!agree(strict.commands, script)) return ask(['The two readers of commands do not agree on what it is.']);
  const rules: AllowRule[] = [];
  for (const { words } of strict.commands) {
    const coverage = coverCommand(words, policy.allow);
    if (coverage.rule === null) return ask([...new Set(parts.filter((part) => part.verdict === 'ask').map((part) => part.reason)).add(coverage.reason)]);
    rules.push(coverage.rule);
  }
  const names = [...new Set(rules.map((rule) => rule.text))];
  const reasons = names.map((name) => `The allow rule "${name}" covers it.`);
  return { ...judgement('allow', names[0] ?? null, reasons, parts), canonicalScript: canonicalScript(strict.commands) };
}

/** Whether both readers came to the same commands, word for word, and neither saw more than that. */
function agree(strict: readonly StrictCommand[], script: Script): boolean {
  if (script.problem !== null || script.opaque || script.shape.length > 0 || script.commands.length !== strict.length) return false;
  return strict.every((command, index) => {
    const other = script.commands[index];
    if (!other || other.documents.length > 0) return false;
    if (other.words.length !== command.words.length || other.assignments.length !== command.assignments.length || other.targets.length !== command.redirections.length) return false;
    return command.words.every((word, at) => {
      const twin = other.words[at];
      return twin !== undefined && twin.text === word.text && twin.glob === word.glob && !twin.dynamic && !twin.braces && twin.start === word.start;
    });
  });
}

/** `matching: contains`: entries are text that a command contains. Deny beats allow here as well. */
function judgeText(command: string, policy: CompiledPolicy, needles: Needles, startings: Startings): ShellJudgement {
  const denied = findDenyNeedle(command, needles.deny);
  if (denied) {
    const reason = `The text contains the deny entry "${denied.text}".`;
    return deny(denied.text, reason, partsAlike(startings.started, 'deny', ruleOf('deny', denied), reason));
  }
  const ask = (reason: string): ShellJudgement => judgement('ask', null, [reason], partsAlike(startings.started, 'ask', null, reason));
  const suspicious = suspiciousCharacter(command);
  if (suspicious !== null) return ask(suspicious);
  if (command.trim() === '') return ask('There is no command in it.');
  if (policy.allowSuspended !== null) return ask(policy.allowSuspended);
  if (policy.allowAll) return allowAll(policy, startings);
  const allowed = findAllowNeedle(command, needles.allow);
  if (!allowed) return ask('It contains no allow entry.');
  const reason = `The text contains the allow entry "${allowed.text}".`;
  return judgement('allow', allowed.text, [reason], partsAlike(startings.started, 'allow', ruleOf('allow', allowed), reason));
}

/** What happens to a change of files in the workspace: allow rules never cover it, deny rules about paths do. */
export function judgeFiles(paths: readonly string[], policy: CompiledPolicy): ShellJudgement {
  if (policy.lockdown) return deny('*', 'Everything is denied: the deny list holds "*" (lockdown).');
  for (const path of paths) {
    const rule = deniedPath(`/workspace/${path}`, policy.deny.byPath);
    if (rule) return deny(rule.text, `The deny rule "${rule.text}" names ${path}.`);
    const needle = policy.needles && findDenyNeedle(path, policy.needles.deny);
    if (needle) return deny(needle.text, `The deny entry "${needle.text}" occurs in ${path}.`);
  }
  return judgement('ask', null, ['Changing files in the workspace is never allowed without asking.']);
}
