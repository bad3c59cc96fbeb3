import { globMatches } from './pattern.ts';
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
};

/** The parts of a command pattern behind the name. */
export interface Rest {
  /** One letter for each short option, long ones spelled out. */
  readonly options: readonly string[];
  readonly positionals: readonly string[];
}

export function restOf(tokens: readonly string[]): Rest {
  const rest = tokens.slice(1);
  const options = rest.filter((token) => token.startsWith('-') && token !== '-' && token !== '--');
  const single = options.flatMap((option) => (option.startsWith('--') || option.length > 4 ? [option] : Array.from(option.slice(1))));
  return { options: [...new Set(single)], positionals: rest.filter((token) => !options.includes(token) && token !== '--') };
}

/**
 * Whether the words behind the name at `words[at]` are those that a pattern asks for: options in any order, clustered, long or
 * abbreviated, before `--`; words as the first positionals, skipping options that may have a value.
 */
export function restMatches(rest: Rest, words: readonly Candidate[], at: number): boolean {
  return optionsPresent(rest.options, words, at + 1) && positionalsMatch(rest.positionals, words, at + 1);
}

function optionsPresent(options: readonly string[], words: readonly Candidate[], from: number): boolean {
  if (options.length === 0) return true;
  const needed = new Set(options);
  for (let at = from; at < words.length && needed.size > 0; at++) {
    const word = words[at]?.text ?? '';
    if (word === '--') break;
    if (word.startsWith('-')) for (const option of needed) if (optionGiven(option, word)) needed.delete(option);
  }
  return needed.size === 0;
}

/** Whether one word gives an option (`r` for a short one, else spelled out). */
export function optionGiven(option: string, word: string): boolean {
  return [option, ...(same[option] ?? [])].some((spelling) => {
    if (spelling.length > 1 && spelling.startsWith('-')) return abbreviates(word, spelling);
    return !word.startsWith('--') && word.startsWith('-') && word.slice(1).includes(spelling);
  });
}

/** GNU programs take any unambiguous beginning of a long option. */
export function abbreviates(word: string, option: string): boolean {
  const name = word.split('=', 1)[0] ?? word;
  return name === option || (option.startsWith('--') && name.length >= 3 && name.startsWith('--') && option.startsWith(name));
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

export const wordMatches = (wanted: string, word: Candidate): boolean =>
  wanted === word.text || (wanted.includes('*') && globMatches(wanted, word.text)) || (word.glob && globMatches(word.text, wanted));
