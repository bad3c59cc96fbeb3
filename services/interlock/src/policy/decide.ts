import type { Judgement, Policy } from '@megabot/contracts/policy.ts';
import { isScoped, readScoped, type ScopedRules } from '../kinds/scoped-rules.ts';
import { coverCommand } from './allow.ts';
import { suspiciousCharacter } from './characters.ts';
import { compileDeny, findDenied, type DenyRules } from './deny.ts';
import { argumentMatches } from './match.ts';
import { parsePattern, type ParsedPattern } from './pattern.ts';
import { readPlain } from './plain.ts';
import { readScript } from './script.ts';

/** A policy made ready for judging. */
export interface CompiledPolicy {
  /** `*` in the deny list: nothing runs. */
  readonly lockdown: boolean;
  /** `*` in the allow list: nothing waits, unless it is denied or cannot be read. */
  readonly allowAll: boolean;
  readonly allow: readonly ParsedPattern[];
  readonly deny: DenyRules;
  /** Rules such as `write:src/**`, which speak of everything but shell commands. */
  readonly scoped: ScopedRules;
  /** Why allow rules do not hold at the moment, or null. */
  readonly allowSuspended: string | null;
  /** Entries that are ignored, one sentence each. */
  readonly problems: readonly string[];
}

export interface ShellJudgement extends Judgement {
  /** To be said each time: `*` let it through. */
  readonly warnings: string[];
}

/** Above this a command is denied, unread. */
export const maxCommandBytes = 65_536;
/** Above these a person has to look, whatever the rules say. */
const maxReadableLength = 8_192;
const maxReadableCommands = 50;
const maxShown = 50;

export const allowAllWarning = 'The allow list holds "*": every readable command that is not denied runs without asking.';

/** @throws RangeError naming an entry of the deny list that cannot be read: a rule that is not understood must not be lost. */
export function compilePolicy(policy: Policy, allowSuspended: string | null = null): CompiledPolicy {
  const { rules: scoped, problems } = readScoped(policy);
  const read = (list: 'allow' | 'deny'): ParsedPattern[] =>
    policy[list].filter((entry) => !isScoped(entry)).flatMap((entry) => {
      const reading = parsePattern(entry);
      if (reading.ok) return [reading.pattern];
      if (list === 'deny') throw new RangeError(`The deny entry ${JSON.stringify(entry)} cannot be used. ${reading.problem}`);
      problems.push(`The allow entry ${JSON.stringify(entry)} is ignored. ${reading.problem}`);
      return [];
    });
  const deny = read('deny');
  const allow = read('allow');
  return {
    lockdown: deny.some((pattern) => pattern.kind === 'all'),
    allowAll: allow.some((pattern) => pattern.kind === 'all'),
    allow,
    deny: compileDeny(deny),
    scoped,
    allowSuspended,
    problems,
  };
}

const deny = (rule: string | null, reason: string, commands: string[][] = []): ShellJudgement => ({ decision: 'deny', rule, reasons: [reason], commands, warnings: [] });
const ask = (reasons: string[], commands: string[][]): ShellJudgement => ({ decision: 'ask', rule: null, reasons, commands, warnings: [] });

/**
 * What happens to a shell command under a policy, and why, in sentences for people. Deny is looked for broadly, then what
 * cannot be read asks, then allow is granted narrowly; everything else asks. Pure.
 */
export function judge(command: string, policy: CompiledPolicy): ShellJudgement {
  if (policy.lockdown) return deny('*', 'Everything is denied: the deny list holds "*" (lockdown).');
  if (Buffer.byteLength(command) > maxCommandBytes) return deny(null, 'The command is longer than 64 KiB.');
  if (command.includes('\0') || !command.isWellFormed()) return deny(null, 'The command holds a character that no program can receive.');
  const script = readScript(command);
  const commands = script.commands.slice(0, maxShown).map(({ words }) => words.map((word) => word.text));
  const denied = findDenied(command, script, policy.deny);
  if (denied) return deny(denied.rule, denied.reason, commands);

  const unreadable = [suspiciousCharacter(command), script.problem].filter((problem) => problem !== null);
  if (script.commands.length === 0) unreadable.push('There is no command in it.');
  if (command.length > maxReadableLength) unreadable.push('The command is too long to be judged by rules.');
  if (script.commands.length > maxReadableCommands) unreadable.push('It holds too many commands to be judged by rules.');
  if (unreadable.length > 0) return ask(unreadable, commands);
  if (policy.allowSuspended !== null) return ask([policy.allowSuspended], commands);
  if (policy.allowAll) {
    if (script.compound || script.opaque) return ask(['It uses shell syntax that the rules do not read.'], commands);
    return { decision: 'allow', rule: '*', reasons: ['The allow list holds "*".'], commands, warnings: [allowAllWarning] };
  }
  const plain = readPlain(command);
  if (!plain.ok) return ask(['Only a single plain command is allowed without asking.', plain.reason], commands);
  const coverage = coverCommand(plain.words, policy.allow);
  const shown = [plain.words.map((word) => word.text)];
  if (coverage.rule === null) return ask([coverage.reason], shown);
  return { decision: 'allow', rule: coverage.rule, reasons: [`The allow rule "${coverage.rule}" covers it.`], commands: shown, warnings: [] };
}

/** What happens to a change of files in the workspace: allow rules never cover it, deny rules about paths do. */
export function judgeFiles(paths: readonly string[], policy: CompiledPolicy): ShellJudgement {
  if (policy.lockdown) return deny('*', 'Everything is denied: the deny list holds "*" (lockdown).');
  for (const rule of policy.deny.arguments) {
    const path = paths.find((one) => argumentMatches(rule, { text: `/workspace/${one}`, glob: false }));
    if (path !== undefined) return deny(rule.text, `The deny rule "${rule.text}" names ${path}.`);
  }
  return ask(['Changing files in the workspace is never allowed without asking.'], []);
}
