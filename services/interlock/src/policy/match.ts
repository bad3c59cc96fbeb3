import { globMatches, type ParsedPattern } from './pattern.ts';
import { baseName } from './programs.ts';

/** A word to be compared with a deny rule. */
export interface Candidate {
  readonly text: string;
  readonly glob: boolean;
}

/** Whether a word may name the program of a rule: base name, any case, with a suffix such as `.ext4` or a version. */
export function nameMatches(word: Candidate, name: string): boolean {
  const wanted = baseName(name);
  const given = baseName(word.text);
  if (given === wanted) return true;
  if (word.glob) return globMatches(given, wanted);
  if (!given.startsWith(wanted)) return false;
  return /^(\.|-?\d[\d.]*$)/.test(given.slice(wanted.length));
}

/** Short options and the long ones that mean the same wherever they exist. */
const same: Readonly<Record<string, readonly string[]>> = {
  r: ['R', '--recursive'],
  R: ['r', '--recursive'],
  f: ['--force'],
  '--force': ['f'],
  '--recursive': ['r', 'R'],
  h: ['--hard'],
};

/**
 * Whether the command that begins at `words[at]` is the one that the pattern's tokens begin: options in any order, clustered or
 * long or abbreviated; words as the first positionals, skipping options that may have a value.
 */
export function commandMatches(tokens: readonly string[], words: readonly Candidate[], at: number): boolean {
  const [name = '', ...rest] = tokens;
  const first = words[at];
  if (!first || !nameMatches(first, name)) return false;
  if (rest.length === 0) return true;
  const options = rest.filter((token) => token.startsWith('-') && token !== '-' && token !== '--');
  const positionals = rest.filter((token) => !options.includes(token) && token !== '--');
  return optionsPresent(options, words, at + 1) && positionalsMatch(positionals, words, at + 1);
}

function optionsPresent(options: readonly string[], words: readonly Candidate[], from: number): boolean {
  if (options.length === 0) return true;
  const needed = new Set<string>();
  for (const option of options) {
    if (option.startsWith('--') || option.length > 4) needed.add(option);
    else for (const letter of option.slice(1)) needed.add(letter);
  }
  for (let at = from; at < words.length && needed.size > 0; at++) {
    const word = words[at]?.text ?? '';
    if (word === '--') break;
    if (word.startsWith('-')) for (const option of needed) if (optionGiven(option, word)) needed.delete(option);
  }
  return needed.size === 0;
}

/** Whether one word gives an option (`r` for a short one, else spelled out). */
function optionGiven(option: string, word: string): boolean {
  return [option, ...(same[option] ?? [])].some((spelling) => {
    if (spelling.length > 1 && spelling.startsWith('-')) {
      return abbreviates(word, spelling);
    }
    return !word.startsWith('--') && word.startsWith('-') && word.slice(1).includes(spelling);
  });
}

/** GNU programs take any unambiguous beginning of a long option. */
function abbreviates(word: string, option: string): boolean {
  const name = word.split('=', 1)[0] ?? word;
  return name === option || (option.startsWith('--') && name.length >= 4 && name.startsWith('--') && option.startsWith(name));
}

function positionalsMatch(wanted: readonly string[], words: readonly Candidate[], from: number): boolean {
  /** How many of the wanted words may have been met, following every reading of which option takes a value. */
  let counts = new Set<number>([0]);
  let afterOption = false;
  let optionsEnded = false;
  for (let at = from; at < words.length; at++) {
    if (counts.has(wanted.length)) return true;
    const word = words[at];
    if (!word) break;
    if (!optionsEnded && word.text === '--') {
      optionsEnded = true;
      afterOption = false;
    } else if (!optionsEnded && word.text.startsWith('-') && word.text !== '-') afterOption = true;
    else {
      const next = new Set<number>(afterOption ? counts : []);
      for (const count of counts) if (wordMatches(wanted[count] ?? '', word)) next.add(count + 1);
      if (next.size === 0) return false;
      counts = next;
      afterOption = false;
    }
  }
  return counts.has(wanted.length);
}

const wordMatches = (wanted: string, word: Candidate): boolean =>
  wanted === word.text || (wanted.includes('*') && globMatches(wanted, word.text)) || (word.glob && globMatches(word.text, wanted));

const home = '/home/agent';
const workspace = '/workspace';

/** The absolute path that a word names in the sandbox, without `.`, `..` and doubled slashes. */
export function resolvePath(word: string): string {
  const expanded = word.startsWith('~') && (word.length === 1 || word.charAt(1) === '/') ? home + word.slice(1) : word;
  const absolute = expanded.startsWith('/') ? expanded : `${workspace}/${expanded}`;
  const parts: string[] = [];
  for (const part of absolute.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** Whether a word gives the option, or names the path or something below it, that an argument pattern stands for. */
export function argumentMatches(pattern: Exclude<ParsedPattern, { kind: 'all' }>, word: Candidate): boolean {
  const [wanted = ''] = pattern.tokens;
  if (wanted.startsWith('-')) {
    if (!word.text.startsWith('-')) return false;
    // A short option that means the same depends on the program: "-f" is "--file" as often as "--force".
    if (wanted.startsWith('--')) return abbreviates(word.text, wanted);
    return word.text === wanted || Array.from(wanted.slice(1)).every((letter) => optionGiven(letter, word.text));
  }
  const denied = resolvePath(wanted.replace(/\/\*+$/, '')).split('/');
  return pathsIn(word.text).some((path) => {
    const parts = resolvePath(path).split('/');
    if (parts.length < denied.length) return false;
    return denied.every((part, index) => {
      const given = parts[index] ?? '';
      return given === part || (word.glob && globMatches(given, part));
    });
  });
}

/** A word, and what may be a path inside it: after `=`, `@`, `:` or an attached option letter. */
function pathsIn(word: string): string[] {
  const found = [word];
  for (const separator of ['=', '@', ':', ',']) {
    const at = word.indexOf(separator);
    if (at >= 0) found.push(word.slice(at + 1), word.slice(0, at));
  }
  if (/^-[A-Za-z]./.test(word)) found.push(word.slice(2));
  return found;
}
