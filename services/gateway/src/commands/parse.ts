import { asCode } from '../display.ts';
import { commandTable, type CommandName } from './table.ts';

/** What a person's message is, seen from the door. */
export type Intent =
  | { readonly kind: 'chat' }
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'command'; readonly name: Exclude<CommandName, 'run'>; readonly argument: string }
  /** It looks like a control command and is none: answered here, never shown to the model. */
  | { readonly kind: 'unclear'; readonly answer: string };

const control = /^!(\p{L}\S*)(?:\s+([\s\S]*))?$/u;
// All that some program shows as the beginning of another line.
const lineBreak = /[\n\v\f\r\u0085\u2028\u2029]/;

/**
 * Recognises control commands: a message that is one, from its first character to its last. Quoted, forwarded or embedded
 * text begins with something else and stays a message. A word right behind the mark is always meant for here: misspelt or
 * glued to its argument it is answered, and neither carried out nor shown to a model.
 */
export function parseIntent(text: string): Intent {
  const match = control.exec(text.trim());
  if (!match) return { kind: 'chat' };
  const word = (match[1] ?? '').toLowerCase();
  const argument = (match[2] ?? '').trim();
  const entry = commandTable.find((row) => row.name === word || row.aliases.includes(word));
  if (!entry) return { kind: 'unclear', answer: `There is no command ${asCode(`!${word.slice(0, 64)}`)}. \`!help\` lists the ones there are. Nothing was done, and the model has not seen the message.` };
  if (entry.name === 'run') {
    if (argument === '') return { kind: 'unclear', answer: `Say what to run: \`${entry.usage}\`.` };
    return { kind: 'run', command: argument };
  }
  if (lineBreak.test(argument)) {
    return { kind: 'unclear', answer: `\`!${word}\` has to be a message of its own, on one line. Nothing was done.` };
  }
  return { kind: 'command', name: entry.name, argument };
}
