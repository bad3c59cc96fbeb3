import { readShellWord, type ShellWord } from './shell-word.ts';

export interface SimpleCommand {
  readonly words: readonly ShellWord[];
  /** Files that it is redirected from or to. */
  readonly targets: readonly ShellWord[];
}

/**
 * What the broad reader found: every simple command of lists, pipes, substitutions and groups. `problem` is a sentence if the
 * text is not well formed; `opaque` says that commands may have escaped the reader; `compound` that it holds shell syntax
 * beyond lists, pipes and substitutions.
 */
export interface Script {
  readonly commands: SimpleCommand[];
  readonly problem: string | null;
  readonly opaque: boolean;
  readonly compound: boolean;
}

const maxDepth = 60;
const reserved: ReadonlySet<string> = new Set([
  'if', 'then', 'else', 'elif', 'fi', 'for', 'while', 'until', 'do', 'done', 'case', 'esac', 'select', 'function', 'in', '{', '}', '!', '[[', ']]', 'time', 'coproc',
]);

interface State {
  readonly commands: SimpleCommand[];
  problem: string | null;
  opaque: boolean;
  compound: boolean;
}

/**
 * Reads a script broadly, for deny rules and for showing its parts: it errs towards finding too many commands. "Allow" never
 * rests on it alone. Linear but for nested backquotes, whose nesting is bounded.
 */
export function readScript(text: string, depth = 0): Script {
  const state: State = { commands: [], problem: null, opaque: false, compound: false };
  createReader(text, state).list(null, depth);
  return state;
}

function createReader(text: string, state: State) {
  const cursor = { at: 0 };
  const fail = (problem: string): void => {
    state.problem ??= problem;
    state.opaque = true;
  };

  /** Reads commands until `end` (`)`), or the end of the text. */
  function list(end: ')' | null, depth: number): void {
    if (depth > maxDepth) {
      fail('It is nested too deeply to be read.');
      cursor.at = text.length;
      return;
    }
    let words: ShellWord[] = [];
    let targets: ShellWord[] = [];
    let awaitsTarget = false;
    /** The operator before, if it demands a command after it. */
    let dangling = false;
    let seen = false;

    const finish = (): boolean => {
      if (awaitsTarget) fail('A redirection names no file.');
      awaitsTarget = false;
      const found = words.length > 0 || targets.length > 0;
      if (found) addCommand(words, targets);
      words = [];
      targets = [];
      return found;
    };
    const separate = (demands: boolean): void => {
      const found = finish();
      if (!found && (demands || dangling || !seen)) fail('An operator stands where a command should.');
      seen ||= found;
      dangling = demands;
    };

    while (cursor.at < text.length) {
      const character = text.charAt(cursor.at);
      if (character === end) {
        cursor.at += 1;
        if (!finish() && dangling) fail('An operator stands where a command should.');
        return;
      }
      if (character === ' ' || character === '\t') cursor.at += 1;
      else if (character === '\n') {
        cursor.at += 1;
        if (finish()) {
          seen = true;
          dangling = false;
        }
      } else if (character === '\\' && text.charAt(cursor.at + 1) === '\n') cursor.at += 2;
      else if (character === '#') {
        while (cursor.at < text.length && text.charAt(cursor.at) !== '\n') cursor.at += 1;
        state.compound = true;
      } else if (character === ';') {
        cursor.at += 1;
        if (text.charAt(cursor.at) === ';') {
          cursor.at += 1;
          state.compound = true;
          finish();
          seen = true;
        } else separate(false);
      } else if (character === '&' && text.charAt(cursor.at + 1) === '>') readRedirection();
      else if (character === '&' || character === '|') {
        const doubled = text.charAt(cursor.at + 1) === character || text.startsWith('|&', cursor.at);
        cursor.at += doubled ? 2 : 1;
        separate(doubled || character === '|');
      } else if ((character === '<' || character === '>') && text.charAt(cursor.at + 1) === '(') addWord(readWord(depth));
      else if (character === '<' || character === '>') readRedirection();
      else if (character === '(') {
        cursor.at += 1;
        state.compound = true;
        finish();
        list(')', depth + 1);
        seen = true;
        dangling = false;
      } else if (character === ')') {
        cursor.at += 1;
        // A pattern of "case" ends like this; anything else is an error. Either way a command may follow.
        fail('A parenthesis is closed that was not opened.');
        finish();
      } else addWord(readWord(depth));
    }
    if (end !== null) fail('A parenthesis is not closed.');
    if (!finish() && dangling) fail('A command is missing after an operator.');

    function addWord(word: ShellWord): void {
      const next = text.charAt(cursor.at);
      const isDescriptor = (next === '<' || next === '>') && /^(\d+|\{\w+\})$/.test(word.text);
      if (isDescriptor) return;
      if (awaitsTarget) targets.push(word);
      else words.push(word);
      awaitsTarget = false;
    }

    function readRedirection(): void {
      if (awaitsTarget) fail('A redirection names no file.');
      const operator = /^(&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||<|>)/.exec(text.slice(cursor.at, cursor.at + 3))?.[0] ?? '>';
      cursor.at += operator.length;
      awaitsTarget = true;
      // Lines of a here-document are read as commands as well, and its quotes may mislead.
      if (operator === '<<' || operator === '<<-') {
        state.opaque = true;
        state.compound = true;
      }
    }
  }

  function addCommand(words: readonly ShellWord[], targets: readonly ShellWord[]): void {
    let from = 0;
    for (; from < words.length; from++) {
      const word = words[from]?.text ?? '';
      if (reserved.has(word)) state.compound = true;
      else if (!/^[A-Za-z_]\w*(\[[^\]]*\])?\+?=/.test(word)) break;
      if (word === 'case' || word === 'function' || word === 'coproc') state.opaque = true;
    }
    state.commands.push({ words: words.slice(from), targets });
  }

  function readWord(depth: number): ShellWord {
    return readShellWord(text, cursor, {
      list: () => list(')', depth + 1),
      backquoted(inside) {
        const inner = readScript(inside, depth + 8);
        state.commands.push(...inner.commands);
        if (inner.problem !== null) fail(inner.problem);
        state.opaque ||= inner.opaque;
        state.compound ||= inner.compound;
      },
      fail,
      unclear() {
        state.opaque = true;
      },
      unusual() {
        state.compound = true;
      },
    });
  }

  return { list };
}
