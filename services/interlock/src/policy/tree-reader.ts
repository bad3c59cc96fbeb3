import { forEachChild, parse, type SyntaxNode } from 'unbash';
import { tooIntricate } from './intricacy.ts';
import { readTreeCommand, type SimpleCommand } from './tree-command.ts';
import { variablesOf, type TreeText, type Within } from './tree-word.ts';

/**
 * What the reader of trees found: every simple command of lists, pipes, substitutions, groups, loops and functions, in the order
 * of the text. `problem` is a sentence if the text is not well formed or was not read; `opaque` says that commands may have
 * escaped the reader; `shape` names the syntax beyond lists and pipes of simple commands.
 */
export interface Script {
  readonly commands: readonly SimpleCommand[];
  readonly problem: string | null;
  readonly opaque: boolean;
  readonly shape: readonly string[];
}

interface State {
  readonly commands: SimpleCommand[];
  readonly shape: Set<string>;
  problem: string | null;
  opaque: boolean;
  /** Data in it looks like a substitution. */
  quotedCode: boolean;
  /** Something in it evaluates the value of a variable once more: arithmetic, subscripts, `${x@P}`. */
  evaluates: boolean;
  /** A descriptor is closed by a hyphen that touches a word (`>&-word`). */
  closesBeforeWord: boolean;
}

const emptyState = (): State => ({ commands: [], shape: new Set(), problem: null, opaque: false, quotedCode: false, evaluates: false, closesBeforeWord: false });

interface Visit {
  readonly node: SyntaxNode;
  readonly text: TreeText;
}

const shapes: Readonly<Partial<Record<SyntaxNode['type'], string>>> = {
  If: 'It uses "if".',
  For: 'It uses a loop.',
  ArithmeticFor: 'It uses a loop.',
  While: 'It uses a loop.',
  Select: 'It uses a loop.',
  Case: 'It uses "case".',
  Function: 'It defines a function.',
  Coproc: 'It uses "coproc".',
  Subshell: 'It uses a subshell.',
  BraceGroup: 'It uses a group.',
  TestCommand: 'It uses "[[".',
  ArithmeticCommand: 'It computes ("((").',
  ArithmeticExpansion: 'It computes ("$((").',
  CommandExpansion: 'It uses a substitution.',
  ProcessSubstitution: 'It uses a substitution ("<(").',
  Time: 'It uses "time".',
  Negation: 'It uses "!".',
  HereDoc: 'It uses a here-document.',
  HereString: 'It uses a here-string.',
  ExtendedGlob: 'It uses an extended wildcard.',
};

/**
 * Reads a script broadly, for deny rules and for showing its parts, with unbash. "Allow" never rests on it alone. It walks without
 * recursion, and the parser is called only within the bounds of `tooIntricate`.
 */
export function readTree(text: string): Script {
  const intricate = tooIntricate(text);
  if (intricate !== null) return { commands: [], problem: intricate, opaque: true, shape: [] };
  const state = emptyState();
  read(text, state, null);
  // Bash joins lines before it looks for "$(" or a descriptor; the parser does so in most places only.
  const joined = text.replaceAll('\\\n', '');
  if (/[$<>&|{}\w]\\\n/.test(text) && /[$<>`{]/.test(text)) readAgain(joined, text, state);
  // To bash the hyphen is a token of its own, and what touches it a word: `>&-rm x` starts rm. To the parser it names a file.
  if (state.closesBeforeWord) {
    state.shape.add('It closes a descriptor.');
    for (const spelling of new Set([text, joined])) readAgain(spelling.replaceAll(/([<>]&[ \t]*-)(?=[^ \t\n;&|<>()])/g, '$1 '), text, state);
  }
  const { commands, problem } = state;
  return { commands, problem, opaque: state.opaque || (state.quotedCode && state.evaluates), shape: [...state.shape] };
}

/** Adds the commands that another spelling of the text shows, in so far as they are new. */
function readAgain(spelling: string, { length }: string, state: State): void {
  const wordsOf = (command: SimpleCommand): string => JSON.stringify(command.words.map(({ text, dynamic, glob }) => [text, dynamic, glob]));
  const found = new Set(state.commands.map(wordsOf));
  const again: State = { ...emptyState(), shape: state.shape };
  read(spelling, again, { start: 0, end: length });
  for (const command of again.commands) if (!found.has(wordsOf(command))) state.commands.push(command);
  state.closesBeforeWord ||= again.closesBeforeWord;
}

function read(text: string, state: State, within: Within): void {
  let tree;
  try {
    tree = parse(text);
    walk({ node: tree, text: { source: text, within, variables: variablesOf(text) } }, state);
  } catch (error) {
    // A fault of the parser is a text that was not read.
    if (!(error instanceof Error)) throw error;
    fail(state, 'It cannot be read.');
  }
}

function fail(state: State, problem: string): void {
  state.problem ??= problem;
  state.opaque = true;
}

function walk(root: Visit, state: State): void {
  const waiting: Visit[] = [root];
  for (let visit = waiting.pop(); visit; visit = waiting.pop()) {
    const { node, text } = visit;
    const { source, within } = text;
    let inner = text;
    const shape = shapes[node.type];
    if (shape !== undefined) state.shape.add(shape);
    switch (node.type) {
      case 'Script':
        if (node.errors !== undefined && node.errors.length > 0) fail(state, `It is not well formed: ${node.errors[0]?.message ?? 'unknown'}.`);
        break;
      case 'Statement':
        if (node.background) state.shape.add('It starts something in the background ("&").');
        break;
      case 'Command':
        state.commands.push(readTreeCommand(node, text));
        if (evaluating.has(state.commands.at(-1)?.words[0]?.text ?? '')) state.evaluates = true;
        break;
      case 'Redirect':
        if (/^[<>]&$/.test(node.operator) && /^-./s.test(node.target?.text ?? '')) state.closesBeforeWord = true;
        break;
      case 'CommandExpansion':
      case 'ProcessSubstitution':
      case 'ArithmeticCommandExpansion':
        // Then its lines are taken from behind the substitution, and what bash makes of those is its own.
        if (/<<(?!<)[^\n]*$/.test(source.slice(node.pos, node.end))) fail(state, 'A here-document begins in a substitution and does not end there.');
        if (node.script === undefined) fail(state, 'It holds a substitution that cannot be read.');
        else if (node.script.source !== undefined) inner = { ...text, source: node.script.source, within: within ?? { start: node.pos, end: node.end } };
        break;
      case 'ArithmeticExpansion':
      case 'ArithmeticCommand':
        inspectArithmetic(source.slice(node.pos, node.end), state);
        break;
      case 'ArithmeticFor':
      case 'TestCommand':
        state.evaluates = true;
        break;
      case 'ParameterExpansion':
        if (node.index !== undefined || node.prefix !== undefined || node.operation?.type === 'Transform' || node.operation?.type === 'Slice') state.evaluates = true;
        break;
      case 'Assignment':
        if (node.index !== undefined || node.name === 'PS4' || node.value.type === 'ArrayValue') state.evaluates = true;
        break;
      case 'Literal':
      case 'SingleQuoted':
      case 'AnsiCQuoted':
        if (/[`]|\$\(/.test(node.value)) state.quotedCode = true;
        break;
      case 'Word':
        if (node.parts === undefined && /[`]|\$\(/.test(node.value)) state.quotedCode = true;
        for (const hidden of hiddenSubstitutions(node.text, node.parts === undefined)) {
          state.opaque = true;
          state.shape.add('It uses a substitution ("<(").');
          read(hidden, state, within ?? { start: node.pos, end: node.end });
        }
        break;
      default:
    }
    const children: Visit[] = [];
    forEachChild(node, (child) => children.push({ node: child, text: inner }));
    for (let at = children.length - 1; at >= 0; at--) {
      const child = children[at];
      if (child) waiting.push(child);
    }
  }
}

/** What is no arithmetic may be a command to another shell; bash evaluates subscripts in the values of variables; and the parser gives up on deep arithmetic without saying so. */
function inspectArithmetic(text: string, state: State): void {
  if (text.length > 400 || /["'\\.@]|\w\s+-*[\w/~]/.test(text)) state.opaque = true;
  if (/[A-Za-z_]/.test(text)) state.evaluates = true;
}

/** What runs in `2<(…)` and `{fd}<(…)`, which the parser takes for plain words. */
function hiddenSubstitutions(text: string, withoutParts: boolean): string[] {
  if (!withoutParts && !/^(\d+|\{\w+\})[<>]\(/.test(text)) return [];
  const at = text.search(/[<>]\(/);
  if (at < 0) return [];
  const close = text.lastIndexOf(')');
  const inside = text.slice(at + 2, close > at ? close : text.length);
  // Each is shorter than the one around it and the depth of all is bounded.
  return [inside];
}

/** Builtins that evaluate subscripts or arithmetic in their arguments. */
const evaluating = new Set(['let', 'declare', 'typeset', 'local', 'readonly', 'export', 'test', '[', 'printf', 'read', 'unset', 'wait', 'getopts', 'mapfile', 'readarray']);
