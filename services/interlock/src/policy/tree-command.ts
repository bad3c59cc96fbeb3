import type { Command, Redirection } from 'unbash';
import { readTreeWord, type TreeText } from './tree-word.ts';
import type { Word } from './word.ts';

export interface SimpleCommand {
  readonly words: readonly Word[];
  /** Variables set in front of it, as `NAME=value`. */
  readonly assignments: readonly Word[];
  /** Files that it is redirected from or to. */
  readonly targets: readonly Word[];
  /** Text that it is given as its input: here-documents and here-strings, null where that is not known. */
  readonly documents: readonly (string | null)[];
  readonly start: number;
  readonly end: number;
}

/** What the tree says of one simple command. */
export function readTreeCommand(node: Command, text: TreeText): SimpleCommand {
  const place = text.within ?? { start: node.pos, end: node.end };
  const words: Word[] = [];
  if (node.name) words.push(readTreeWord(node.name, text));
  let end = node.name?.end ?? -1;
  for (const argument of node.args) {
    const word = argument.type === 'Word' ? readTreeWord(argument, text) : readAssignmentWord(argument, text);
    const before = words.at(-1);
    // To bash "a<(b)" is one word, to the parser two.
    if (before && argument.pos === end) words[words.length - 1] = { ...before, text: before.text + word.text, end: word.end, bare: false, dynamic: true };
    else words.push(word);
    end = argument.end;
  }
  const targets: Word[] = [];
  const documents: (string | null)[] = [];
  for (const redirection of node.redirects) addRedirection(redirection, text, targets, documents);
  const assignments = node.prefix.flatMap((part) => (part.type === 'Assignment' ? [readAssignmentWord(part, text)] : []));
  return { words, assignments, targets, documents, start: words[0]?.start ?? place.start, end: place.end };
}

/** `export A=x`: to the command it is a word like any other. */
function readAssignmentWord(node: Extract<Command['args'][number], { type: 'Assignment' }>, text: TreeText): Word {
  const { source, within } = text;
  const start = within?.start ?? node.pos;
  const end = within?.end ?? node.end;
  const before = `${node.name}${node.append ? '+' : ''}=`;
  if (node.value.type === 'ArrayValue' || node.index !== undefined) return { text: source.slice(node.pos, node.end), start, end, bare: false, glob: false, dynamic: true, braces: false };
  const value = readTreeWord(node.value, text);
  return { ...value, text: before + value.text, start, end };
}

function addRedirection(redirection: Redirection, text: TreeText, targets: Word[], documents: (string | null)[]): void {
  switch (redirection.type) {
    case 'Redirect':
      if (redirection.target) targets.push(readTreeWord(redirection.target, text));
      return;
    case 'HereString': {
      const word = redirection.target && readTreeWord(redirection.target, text);
      documents.push(word && !word.dynamic ? word.text : null);
      return;
    }
    case 'HereDoc':
      documents.push(redirection.body.parts?.some((part) => part.type !== 'Literal') && !redirection.delimiter?.quoted ? null : redirection.body.text);
  }
}
