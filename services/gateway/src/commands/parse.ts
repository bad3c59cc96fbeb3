import { asCode, hasInvisible, withoutInvisible } from '../display.ts';
import { commandTable, type CommandEntry, type CommandName } from './table.ts';

/** What a person's message is, seen from the door. */
export type Intent =
  | { readonly kind: 'chat' }
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'command'; readonly name: Exclude<CommandName, 'run'>; readonly argument: string }
  /** It looks like a control command and is none: answered here, never shown to the model. */
  | { readonly kind: 'unclear'; readonly answer: string };

// Plain spaces and line breaks alone separate: any other white space may look like one and is part of the word.
const control = /^!(\p{L}[^ \t\r\n]*)(?:([ \t\r\n]+)([\s\S]*))?$/u;
const blank = /^[ \t\r\n]+|[ \t\r\n]+$/g;
// All that some program shows as the beginning of another line.
const lineBreak = /[\n\v\f\r\u0085\u2028\u2029]/;
// Exclamation marks and letters that are drawn like one; the full-width and small forms fold to "!" by themselves.
const likeTheMark = /^[!\u00A1\u01C3\u203C\u2757\u2755\u2D51\uA71D\uA71E\u16EB]/u;

const find = (word: string): CommandEntry | undefined => commandTable.find((row) => row.name === word || row.aliases.includes(word));
const trimmed = (text: string): string => text.replace(blank, '');
const unclear = (answer: string): Intent => ({ kind: 'unclear', answer });

/**
 * Recognises control commands: a message that is one, from its first character to its last. Quoted, fenced, forwarded or
 * embedded text begins with something else and stays a message. A word right behind the mark is always meant for here:
 * misspelt, disguised or glued to its argument it is answered, and neither carried out nor shown to a model.
 */
export function parseIntent(text: string): Intent {
  const match = control.exec(trimmed(text));
  if (!match) return disguised(text) ?? { kind: 'chat' };
  const word = (match[1] ?? '').toLowerCase();
  const argument = trimmed(match[3] ?? '');
  const entry = find(word);
  if (!entry) return unclear(`There is no command ${asCode(`!${word.slice(0, 64)}`)}. \`!help\` lists the ones there are. Nothing was done, and the model has not seen the message.`);
  if (entry.takes === 'script' && argument === '') return unclear(`Say which command: \`${entry.usage}\`. Nothing was done.`);
  if (entry.name === 'run') return { kind: 'run', command: argument };
  if (entry.takes === 'nothing' && argument !== '') return unclear(`\`!${word}\` stands alone: with more behind it, it may be part of something else. Nothing was done.`);
  if (entry.takes === 'line' && lineBreak.test(`${match[2] ?? ''}${argument}`)) return unclear(`\`!${word}\` has to be a message of its own, on one line. Nothing was done.`);
  // A reason may hold what it likes: it is words for people, and the id before it is checked by itself.
  if (entry.takes === 'line' && entry.name !== 'reject' && hasInvisible(argument)) {
    return unclear(`There are characters in it that do not show, so it may not be what it looks like: ${asCode(argument.slice(0, 400))}. Type it by hand to have it carried out. Nothing was done.`);
  }
  return { kind: 'command', name: entry.name, argument };
}

/** Something that reads as one of our commands to a person, and begins with another character than `!`. */
function disguised(text: string): Intent | null {
  const shown = withoutInvisible(text.slice(0, 200)).normalize('NFKC').trim();
  if (!likeTheMark.test(shown)) return null;
  const word = /^.\s*(\p{L}+)/u.exec(shown)?.[1]?.toLowerCase() ?? '';
  // With the mark itself and a space behind it, it is what people write in sentences.
  if (!find(word) || (/^\s*!/.test(text) && !hasInvisible(text.slice(0, 200)))) return null;
  return unclear(`This looks like \`!${word}\` and is not: it begins with ${asCode(text.trimStart().slice(0, 8))}, which holds a character that only looks like one of ours or does not show. Type it by hand, beginning with a plain exclamation mark. Nothing was done, and the model has not seen the message.`);
}
