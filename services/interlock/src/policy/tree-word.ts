import type { WordPart, Word as TreeNode } from 'unbash';
import { runnerVariables, type Word } from './word.ts';

interface Value {
  text: string;
  glob: boolean;
  dynamic: boolean;
  braces: boolean;
}

const plainSpelling = /^[^\s"'`\\$<>(){}~;&|]+$/;

/** What a word of the tree comes to, as far as that is known before it runs. */
export function readTreeWord(node: TreeNode, source: string, within: { readonly start: number; readonly end: number } | null): Word {
  const start = within?.start ?? node.pos;
  const end = within?.end ?? node.end;
  const value: Value = { text: '', glob: false, dynamic: false, braces: false };
  const spelled = source.slice(node.pos, node.end);
  if (node.parts === undefined) {
    value.text = node.value;
    // What the parser takes for plain although a shell would not.
    if (/(^|[^\\])(\\\\)*([$`]|[<>]\()/.test(spelled) && !/^[^`<>]*\$$/.test(spelled)) value.dynamic = true;
  } else for (const part of node.parts) addPart(part, value);
  return { ...value, start, end, bare: plainSpelling.test(spelled) && !value.dynamic };
}

function addPart(part: WordPart, value: Value): void {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      value.text += part.value;
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
      for (const child of part.parts) addPart(child, value);
      return;
    case 'SimpleExpansion':
      addVariable(part.text.slice(1), value);
      return;
    case 'ParameterExpansion':
      if (part.operation === undefined && part.prefix === undefined && part.index === undefined) addVariable(part.parameter, value);
      else value.dynamic = true;
      return;
    default:
      value.dynamic = true;
  }
}

function addVariable(name: string, value: Value): void {
  const known = runnerVariables.get(name);
  if (known === undefined) value.dynamic = true;
  else value.text += known;
}
