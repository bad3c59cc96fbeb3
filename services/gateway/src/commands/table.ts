export type CommandName = 'run' | 'approve' | 'reject' | 'allow' | 'deny' | 'policies' | 'mode' | 'unlock' | 'help';

export interface CommandEntry {
  readonly name: CommandName;
  readonly aliases: readonly string[];
  readonly usage: string;
  readonly help: string;
}

/** Every control command, once: the parser, the execution and `!help` derive from it. */
export const commandTable: readonly CommandEntry[] = [
  { name: 'run', aliases: [], usage: '!run <command>', help: 'run a shell command in the sandbox, if the policy or you allow it' },
  { name: 'approve', aliases: ['yes'], usage: '!approve <id>', help: 'approve what waits; without an id, list what waits' },
  { name: 'reject', aliases: ['no'], usage: '!reject <id> [reason]', help: 'reject what waits; the model is told the reason' },
  { name: 'allow', aliases: [], usage: '!allow <pattern>', help: 'let commands that begin with these words run without asking' },
  { name: 'deny', aliases: [], usage: '!deny <pattern>', help: 'never run such commands; `!deny *` stops everything' },
  { name: 'policies', aliases: ['policy'], usage: '!policies', help: 'show what is allowed and denied' },
  { name: 'mode', aliases: [], usage: '!mode plan|ask|build', help: 'how this conversation works; without a word, say which mode it is' },
  { name: 'unlock', aliases: [], usage: '!unlock', help: 'say how a lockdown is lifted' },
  { name: 'help', aliases: [], usage: '!help', help: 'this list' },
];

export const helpText = (): string =>
  ['Commands, each a message of its own:', '', ...commandTable.map((row) => `- \`${row.usage}\`: ${row.help}`), '', 'Ids may be shortened as long as they are unambiguous.'].join('\n');
