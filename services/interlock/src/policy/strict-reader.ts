import { Refusal, readStrictWord, refuse, type StrictWord } from './strict-word.ts';
import { harmlessVariable, reservedWords } from './word.ts';

export interface StrictCommand {
  readonly words: readonly StrictWord[];
  /** Variables set in front of it, respelled for bash. */
  readonly assignments: readonly string[];
  /** Harmless redirections, as `2>&1`. */
  readonly redirections: readonly string[];
  readonly start: number;
  readonly end: number;
  /** The operator between it and the one before; `;` for a new line. */
  readonly after: '' | ';' | '&&' | '||' | '|' | '|&';
}

export type StrictReading = { readonly ok: true; readonly commands: readonly StrictCommand[] } | { readonly ok: false; readonly reason: string };

const because: Readonly<Record<string, string>> = {
  '&': 'It starts something in the background ("&").',
  '<': 'It redirects input from elsewhere than /dev/null.',
  '>': 'It redirects output to elsewhere than /dev/null.',
  '(': 'It uses parentheses.',
  ')': 'It uses parentheses.',
  '#': 'It holds a comment.',
};

/** The few redirections that neither read nor write a file. */
const harmlessRedirection = /^(?:(?:[12]?>|&>)[ \t]*\/dev\/null|<[ \t]*\/dev\/null|2>&1|1?>&2)(?=[ \t\n;&|]|$)/;

/**
 * The strict reader: lists and pipelines of simple commands, made of plain words, quotes without live expansions, wildcards and
 * the variables that the runner fixes. Whatever it does not know, it refuses with a sentence. It does not recurse. "Allow" rests
 * on it and on the reader of trees agreeing word for word.
 */
export function readStrict(text: string): StrictReading {
  try {
    return { ok: true, commands: readCommands(text) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.message };
    throw error;
  }
}

function readCommands(text: string): StrictCommand[] {
  const commands: StrictCommand[] = [];
  let words: StrictWord[] = [];
  let assignments: string[] = [];
  let redirections: string[] = [];
  let start = -1;
  let end = -1;
  let after: StrictCommand['after'] = '';

  const finish = (operator: StrictCommand['after'], optional: boolean): void => {
    if (words.length > 0) {
      commands.push({ words, assignments, redirections, start, end, after: commands.length === 0 ? '' : after });
      words = [];
      assignments = [];
      redirections = [];
      start = -1;
      after = operator;
      return;
    }
    if (assignments.length > 0) refuse('It sets a variable.');
    if (redirections.length > 0) refuse('It redirects without a command.');
    if (!optional) refuse('An operator stands where a command should.');
  };

  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at, at + 2);
    const character = rest.charAt(0);
    if (character === ' ' || character === '\t') at += 1;
    else if (rest === '\\\n') at += 2;
    else if (character === '\n') {
      finish(';', true);
      at += 1;
    } else if (character === ';') {
      if (rest === ';;') refuse('It uses ";;".');
      finish(';', false);
      at += 1;
    } else if (rest === '&&' || rest === '||' || rest === '|&' || character === '|') {
      const operator = character === '|' && rest !== '||' && rest !== '|&' ? '|' : (rest as '&&' | '||' | '|&');
      finish(operator, false);
      at += operator.length;
    } else if (/[<>&]/.test(character) || (/[12]/.test(character) && /[<>]/.test(rest.charAt(1)))) {
      const redirection = harmlessRedirection.exec(text.slice(at, at + 40))?.[0];
      if (redirection === undefined) refuse(because[character === '1' || character === '2' ? '>' : character] ?? 'It redirects.');
      if (words.length === 0) refuse('It redirects before the command.');
      redirections.push((redirection ?? '').replace(/[ \t]/g, ''));
      at += redirection?.length ?? 1;
      end = at;
    } else {
      const refusal = because[character];
      if (refusal !== undefined) refuse(refusal);
      const word = readStrictWord(text, at);
      at = word.end;
      if (start < 0) start = word.start;
      end = word.end;
      // A number that touches a redirection says which descriptor is meant, and is no word.
      if (/^[<>]/.test(text.charAt(at)) && /^(\d+|\{.*\})$/.test(word.text)) refuse('It redirects another descriptor.');
      if (words.length === 0 && /^[A-Za-z_]\w*(\[.*\])?\+?=/.test(text.slice(word.start, word.end))) assignments.push(readAssignment(word));
      else {
        if (words.length === 0 && word.bare && reservedWords.has(word.text)) refuse(`It uses shell syntax ("${word.text}").`);
        words.push(word);
      }
    }
  }
  const dangling = isDangling(after);
  finish('', !dangling || commands.length === 0);
  if (commands.length === 0) refuse('There is no command in it.');
  return commands;
}

/** `LANG=C` in front of a command, with a value that cannot name a file. */
function readAssignment(word: StrictWord): string {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(word.text) ?? [];
  if (!harmlessVariable.test(name)) refuse(`It sets the variable "${name}".`);
  if (!word.bare || !/^[\w.@-]*$/.test(value)) refuse(`It gives "${name}" an unusual value.`);
  return `${name}='${value}'`;
}

/** Whether a command must follow. */
const isDangling = (after: StrictCommand['after']): boolean => after !== '' && after !== ';';
