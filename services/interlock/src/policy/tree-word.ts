import type { WordPart, Word as TreeNode } from 'unbash';
import { runnerVariables, type Word } from './word.ts';

/** Where decoded text stands in the whole, or null where its places are the text's own. */
export type Within = { readonly start: number; readonly end: number } | null;

/** The text that places count in, and what its variables come to. */
export interface TreeText {
  readonly source: string;
  readonly within: Within;
  readonly variables: ReadonlyMap<string, string>;
}

/** The runner's variables as far as a script leaves them alone; `.` for the working folder where it may change. */
export function variablesOf(text: string): ReadonlyMap<string, string> {
  const touched = new Set(Array.from(text.matchAll(/(?<![\w$]|\$\{)(HOME|PWD|USER|TMPDIR|LANG)(?!\w)/g), ([name]) => name));
  const moves = /\b(cd|pushd|popd)\b/.test(text);
  if (touched.size === 0 && !moves) return runnerVariables;
  const variables = new Map([...runnerVariables].filter(([name]) => !touched.has(name)));
  if (moves && variables.has('PWD')) variables.set('PWD', '.');
  return variables;
}

interface Value {
  text: string;
  glob: boolean;
  dynamic: boolean;
  braces: boolean;
}

const plainSpelling = /^[^\s"'`\\$<>(){}~;&|]+$/;

/** What a word of the tree comes to, as far as that is known before it runs. */
export function readTreeWord(node: TreeNode, { source, within, variables }: TreeText): Word {
  const start = within?.start ?? node.pos;
  const end = within?.end ?? node.end;
  const value: Value = { text: '', glob: false, dynamic: false, braces: false };
  const spelled = source.slice(node.pos, node.end);
  if (node.parts === undefined) {
    value.text = node.value;
    // What the parser takes for plain although a shell would not.
    if (/(^|[^\\])(\\\\)*([$`]|[<>]\()/.test(spelled) && !/^[^`<>]*\$$/.test(spelled)) value.dynamic = true;
  } else for (const part of node.parts) addPart(part, value, variables);
  return { ...value, start, end, bare: plainSpelling.test(spelled) && !value.dynamic };
}

function addPart(part: WordPart, value: Value, variables: TreeText['variables']): void {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
      value.text += part.value;
      return;
    case 'AnsiCQuoted':
      value.text += part.value;
      // Bash has escapes that the parser leaves as they are: `$'\x{72}m'` is rm.
      if (/\\x\{|\\U/.test(part.value)) value.dynamic = true;
      return;
    case 'Glob':
      value.text += part.text;
      value.glob = true;
      return;
    case 'ExtendedGlob':
      value.text += part.text;
      value.glob = true;
      value.dynamic = true;
      return;
    case 'BraceExpansion':
      value.text += part.text;
      value.braces = true;
      if (part.text.includes('$') || part.text.includes('`')) value.dynamic = true;
      return;
    case 'DoubleQuoted':
    case 'LocaleString':
      for (const child of part.parts) addPart(child, value, variables);
      return;
    case 'SimpleExpansion':
      addVariable(part.text.slice(1), value, variables);
      return;
    case 'ParameterExpansion':
      if (part.operation === undefined && part.prefix === undefined && part.index === undefined) addVariable(part.parameter, value, variables);
      else value.dynamic = true;
      return;
    default:
      value.dynamic = true;
  }
}

function addVariable(name: string, value: Value, variables: TreeText['variables']): void {
  const known = variables.get(name);
  if (known === undefined) value.dynamic = true;
  else value.text += known;
}
