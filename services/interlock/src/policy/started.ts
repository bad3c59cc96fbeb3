import { expandBraces } from './braces.ts';
import { codeIn, codeInVariables } from './code.ts';
import { baseName, evaluators, isInterpreter, isShell, looseWrappers, wrappers } from './programs.ts';
import type { SimpleCommand } from './tree-command.ts';
import { readTree, type Script } from './tree-reader.ts';
import type { Within } from './tree-word.ts';
import type { Word } from './word.ts';
import { innerCommand, wrapperOf } from './wrappers.ts';

/** A command that a line starts, itself or through a wrapper, a shell's script or an option that names a program. */
export interface Started {
  readonly words: readonly Word[];
  readonly targets: readonly Word[];
  readonly assignments: readonly Word[];
  /** Where it stands; for the commands of a quoted script, where the script stands. */
  readonly start: number;
  readonly end: number;
  /** It may begin at any of the words. */
  readonly loose: boolean;
  /** What starts it, if not the line itself. */
  readonly via: string | null;
  /** Its words are words of the command that starts it. */
  readonly inside: boolean;
}

export interface Startings {
  readonly started: readonly Started[];
  /** Code that cannot be seen as words, one sentence each. */
  readonly opaque: readonly string[];
}

const maxNesting = 10;
/** Words of commands that are found through wrappers and scripts; those of the line itself do not count. */
const maxWork = 12_000;
const maxScriptCharacters = 65_536;

interface Search {
  readonly started: Started[];
  readonly opaque: Set<string>;
  characters: number;
  work: number;
}

interface Place {
  readonly nesting: number;
  readonly via: string | null;
  readonly inside: boolean;
  /** Set inside quoted scripts: their own places mean nothing in the line. */
  readonly within: Within;
}

/** Every command that a script starts, as far as that can be told without running it. */
export function findStarted(script: Script): Startings {
  const search: Search = { started: [], opaque: new Set(), characters: 0, work: 0 };
  addScript(script, { nesting: 0, via: null, inside: false, within: null }, search);
  if (runsWhatItWrites(search.started)) search.opaque.add('It runs a file that it writes.');
  return { started: search.started, opaque: [...search.opaque] };
}

function addScript(script: Script, place: Place, search: Search): void {
  if (script.problem !== null) search.opaque.add(script.problem);
  else if (script.opaque) search.opaque.add('Commands may be hidden in it.');
  for (const command of script.commands) addCommand(command, command.words, place, search);
}

/** Reads a text that a program hands to a shell. */
function addScriptText(text: string, word: Word, place: Place, via: string, search: Search): void {
  search.characters += text.length;
  if (place.nesting >= maxNesting || search.characters > maxScriptCharacters) {
    search.opaque.add('Scripts are nested too deeply in it.');
    return;
  }
  const within = place.within ?? { start: word.start, end: word.end };
  addScript(readTree(text), { nesting: place.nesting + 1, via, inside: false, within }, search);
}

function addCommand(command: SimpleCommand, given: readonly Word[], place: Place, search: Search): void {
  const words: Word[] = [];
  for (const word of given) {
    const expanded = expandBraces(word);
    if (expanded === null) search.opaque.add('Braces in it become more words than can be looked at.');
    words.push(...(expanded ?? [word]));
  }
  const [first] = words;
  const start = place.within?.start ?? first?.start ?? command.start;
  const end = place.within?.end ?? command.end;
  const name = baseName(first?.text ?? '');
  const wrapper = wrapperOf(name);
  const inner = wrapper && first ? innerCommand(wrapper, words) : null;
  const loose = (inner !== null && !inner.sure) || looseWrappers.has(name);
  search.started.push({ words, targets: command.targets, assignments: command.assignments, start, end, loose, via: place.via, inside: place.inside });
  if (!first) return;
  if (first.dynamic || first.glob) search.opaque.add('The name of a command is only known when it runs.');
  if (place.nesting > 0) search.work += words.length;
  if (place.nesting >= maxNesting || search.work > maxWork) {
    search.opaque.add('Commands are wrapped too deeply in it.');
    return;
  }
  const deeper: Place = { nesting: place.nesting + 1, via: name, inside: true, within: place.within };
  const follow = (from: number, until = words.length): void => {
    if (search.work > maxWork) return;
    const start = (at: number): void => addCommand({ ...command, targets: [], assignments: [] }, words.slice(at, until), deeper, search);
    start(from);
    // A program of such a name is unlikely; what stands behind is looked at as if they were assignments.
    const behind = words.findIndex((word, at) => at >= from && !/^[A-Za-z_]\w*=/.test(word.text));
    if (behind > from) start(behind);
  };

  if (inner !== null && wrapper) {
    const rest = words.slice(inner.at);
    if (wrapper.joins) {
      const [script] = rest;
      if (rest.some((word) => word.dynamic)) search.opaque.add(`"${name}" runs text that is only known when it runs.`);
      if (script) addScriptText(rest.map((word) => word.text).join(' '), script, place, name, search);
    } else if (rest.length > 0) follow(inner.at);
    if (name === 'xargs' && rest.length === 0) search.started.push({ words: [{ ...first, text: 'echo' }], targets: [], assignments: [], start, end, loose: false, via: name, inside: true });
    if (name === 'xargs') inspectXargs(words, rest, search);
  }
  if (loose) inspectLoose(name, words, follow, search, place);
  for (const code of [...codeIn(name, words, command.documents), ...codeInVariables([...command.assignments, ...(setters.has(name) ? words.slice(1) : [])])]) {
    if (code.kind === 'opaque') search.opaque.add(code.reason);
    else if (code.kind === 'words') follow(code.at, code.end);
    else if (code.kind === 'loose') {
      const behind = words.slice(code.at);
      search.started.push({ words: behind, targets: [], assignments: [], start: place.within?.start ?? behind[0]?.start ?? start, end, loose: true, via: name, inside: true });
      inspectLoose(name, behind, (from) => follow(code.at + from), search, deeper);
    }
    else addScriptText(code.text, code.word ?? first, place, name, search);
  }
}

/** They set variables for what follows. */
const setters = new Set(['export', 'declare', 'typeset', 'local', 'readonly', 'env', 'sudo']);

/** `echo … > f; sh f`: the file's content is in the text, as data. */
function runsWhatItWrites(started: readonly Started[]): boolean {
  const plain = (path: string): string => path.replace(/^(\.\/)+/, '');
  const written = new Set(started.flatMap(({ targets }) => targets.map(({ text }) => plain(text))).filter((path) => path !== '/dev/null' && !/^[\d-]*$/.test(path)));
  if (written.size === 0) return false;
  return started.some(({ words: [first, ...rest] }) => {
    if (!first) return false;
    const name = baseName(first.text);
    return written.has(plain(first.text)) || ((isShell(name) || isInterpreter(name) || evaluators.has(name)) && rest.some(({ text }) => written.has(plain(text))));
  });
}

/** What xargs appends or replaces is only known when it runs. */
function inspectXargs(words: readonly Word[], rest: readonly Word[], search: Search): void {
  const replaced = words.findIndex((word) => /^(-I|-i|--replace)/.test(word.text));
  const attached = replaced < 0 ? '' : (words[replaced]?.text ?? '').replace(/^(-I|-i|--replace=?)/, '');
  const token = replaced < 0 ? null : attached !== '' ? attached : words[replaced]?.text === '-I' ? (words[replaced + 1]?.text ?? '{}') : '{}';
  const [first, ...others] = rest;
  const name = baseName(first?.text ?? '');
  const isNamed = first && !(token !== null && first.text.includes(token));
  const takesCode = isShell(name) || isInterpreter(name) || evaluators.has(name);
  if (!isNamed && rest.length > 0) search.opaque.add('xargs runs a command whose name it reads.');
  else if (first && (takesCode || (wrappers.has(name) && !others.some((word) => !word.text.startsWith('-'))))) search.opaque.add(`xargs gives "${name}" code that it reads.`);
}

/** A wrapper that is not known well enough: what it starts may begin at any word, and any word may be a script. */
function inspectLoose(name: string, words: readonly Word[], follow: (from: number) => void, search: Search, place: Place): void {
  let followed = 0;
  for (const [at, word] of words.entries()) {
    if (at === 0) continue;
    const inner = baseName(word.text);
    if (followed < 4 && (isInterpreter(inner) || evaluators.has(inner) || wrappers.has(inner))) {
      followed += 1;
      follow(at);
    }
    if (/[\s;&|$`]/.test(word.text) && followed < 12) {
      followed += 1;
      const value = word.text.startsWith('-') ? word.text.replace(/^(--?[\w-]+=|-\w)/, '') : word.text;
      addScriptText(value, word, place, name, search);
    }
  }
}
