import type { Actor } from '@megabot/contracts/principal.ts';

export type CommandName =
  | 'run' | 'approve' | 'reject' | 'pending' | 'why' | 'allow' | 'deny' | 'policies' | 'undo' | 'test' | 'lockdown' | 'unlock' | 'mode' | 'status' | 'help';

/** Who gives a command, by what the connection proved: the owner, a paired device, or somebody behind a messenger. */
export type Person = 'owner' | 'paired' | 'bridge';

export interface CommandEntry {
  readonly name: CommandName;
  readonly aliases: readonly string[];
  readonly usage: string;
  readonly help: string;
  readonly may: readonly Person[];
  /**
   * Whether it leads to the interlock in any case, which judges the person itself and records a refusal. The other commands
   * are refused here.
   */
  readonly judged: boolean;
  /** What follows the word: `script` may have several lines and any character, since it is shown and judged as a command. */
  readonly takes: 'nothing' | 'line' | 'script';
}

const everybody: readonly Person[] = ['owner', 'paired', 'bridge'];
const atHome: readonly Person[] = ['owner', 'paired'];

type Row = Pick<CommandEntry, 'name' | 'usage' | 'help'> & Partial<CommandEntry>;
const row = (entry: Row): CommandEntry => ({ aliases: [], may: atHome, judged: false, takes: 'line', ...entry });

/** Every control command, once: the parser, the execution, `!help` and docs/protocol.md derive from it. */
export const commandTable: readonly CommandEntry[] = [
  row({ name: 'run', usage: '!run <command>', help: 'run a shell command in the sandbox, if the policy or you allow it', may: everybody, judged: true, takes: 'script' }),
  row({ name: 'approve', aliases: ['yes'], usage: '!approve <id> [code]', help: 'approve what waits; without an id, list what waits. From a messenger it takes a one-time code, and low or medium risk only', may: everybody, judged: true }),
  row({ name: 'reject', aliases: ['no'], usage: '!reject <id> [reason]', help: 'reject what waits; the model is told the reason. From a messenger the code comes before the reason', may: everybody, judged: true }),
  row({ name: 'pending', usage: '!pending', help: 'list what waits for a decision', may: everybody, takes: 'nothing' }),
  row({ name: 'why', usage: '!why <id>', help: 'why an approval or a run was judged as it was' }),
  row({ name: 'allow', usage: '!allow <pattern>', help: 'let commands that begin with these words run without asking; says first what that would have covered. `!allow *` is for the owner alone', judged: true }),
  row({ name: 'deny', usage: '!deny <pattern>', help: 'never run such commands; `!deny *` stops everything', judged: true }),
  row({ name: 'policies', aliases: ['policy'], usage: '!policies [remove <n>]', help: 'list the rules with their numbers, or take one out' }),
  row({ name: 'undo', usage: '!undo [version]', help: 'put the policy back as it was before its last change', judged: true }),
  row({ name: 'test', usage: '!test <command>', help: 'how a command would be judged, part by part, and by which rule; nothing runs', takes: 'script' }),
  row({ name: 'lockdown', usage: '!lockdown', help: 'stop everything that runs and let nothing start, as `!deny *` does', judged: true, takes: 'nothing' }),
  row({ name: 'unlock', usage: '!unlock', help: 'say how a lockdown is lifted: by the owner, with the token, never from chat', may: ['owner'], judged: true, takes: 'nothing' }),
  row({ name: 'mode', usage: '!mode plan|ask|build', help: 'how this conversation works; without a word, say which mode it is' }),
  row({ name: 'status', usage: '!status', help: 'what works, what does not, and what to do about it', takes: 'nothing' }),
  row({ name: 'help', usage: '!help', help: 'this list', may: everybody, takes: 'nothing' }),
];

/** The person behind a connection; null where principal, trust and channel do not belong together. */
export function personOf({ principal, trust, channel }: Actor): Person | null {
  if (principal === 'owner') return trust === 'owner' && channel !== 'bridge' ? 'owner' : null;
  if (principal.startsWith('device:')) return trust === 'paired' && channel !== 'bridge' ? 'paired' : null;
  return channel === 'bridge' ? 'bridge' : null;
}

/** What this person can do, as text. */
export const helpText = (person: Person): string =>
  ['Commands, each a message of its own:', '', ...commandTable.filter(({ may }) => may.includes(person)).map(({ usage, help }) => `- \`${usage}\`: ${help}`), '', 'Ids may be shortened as long as they are unambiguous.'].join('\n');
