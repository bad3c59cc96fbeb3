/** A word of a simple command as a reader of the policy understands it. */
export interface Word {
  /** Its value: quotes removed, the variables that the runner fixes put in. */
  readonly text: string;
  /** Where it stands in the text that was read. */
  readonly start: number;
  readonly end: number;
  /** It is spelled plainly: no quotes, escapes or expansions. */
  readonly bare: boolean;
  /** It holds an unquoted wildcard. */
  readonly glob: boolean;
  /** Its value is only known when it runs. */
  readonly dynamic: boolean;
  /** It holds a brace expansion, so that it may become several words. */
  readonly braces: boolean;
}

/**
 * Variables whose value the runner fixes, as the policy reads them. `~` stands for the home folder, which rules about paths
 * resolve themselves.
 */
export const runnerVariables: ReadonlyMap<string, string> = new Map([
  ['HOME', '~'],
  ['PWD', '/workspace'],
  ['USER', 'agent'],
  ['TMPDIR', '/tmp'],
  ['LANG', 'C.UTF-8'],
  // A number that is only known when it runs, and cannot be anything else.
  ['?', '$?'],
]);

/** Variables that may be set in front of an allowed command: they change how text looks, and nothing else. */
export const harmlessVariable = /^(TERM|LANG|LC_[A-Z]+|COLORTERM|NO_COLOR|FORCE_COLOR)$/;

/** What bash reads as the beginning of syntax where a command's name would stand. */
export const reservedWords: ReadonlySet<string> = new Set([
  'if', 'then', 'else', 'elif', 'fi', 'for', 'while', 'until', 'do', 'done', 'case', 'esac', 'select', 'function', 'in', '{', '}', '!', '[[', ']]', 'time', 'coproc',
]);

/** A text as one word of bash that means nothing but itself. */
export const singleQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** A file whose name begins with a dash is an option to the program that is given it. */
export const mayBecomeOption = (word: Word): boolean => word.glob && /^[-*?[]/.test(word.text);
