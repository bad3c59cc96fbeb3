import type { StrictCommand } from './strict-reader.ts';

/**
 * The script that stands for commands that both readers agreed on: each word in single quotes, wildcards bare, the variables
 * that the runner fixes in double quotes. A second reading of it cannot come to anything else.
 */
export function canonicalScript(commands: readonly StrictCommand[]): string {
  return commands
    .map((command) => {
      const words = command.words.map((word) => word.canonical);
      const spelled = [...command.assignments, ...words, ...command.redirections].join(' ');
      if (command.after === '') return spelled;
      return command.after === ';' ? `\n${spelled}` : ` ${command.after} ${spelled}`;
    })
    .join('');
}
