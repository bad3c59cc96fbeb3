import { escapeOption } from './options.ts';
import { globMatches, type ParsedPattern } from './pattern.ts';
import { baseName, interactive, isInterpreter, stateBuiltins, wrappers } from './programs.ts';
import type { Word } from './word.ts';
import { innerCommand, wrapperOf } from './wrappers.ts';

export type AllowRule = Exclude<ParsedPattern, { kind: 'all' }>;
export type Coverage = { readonly rule: AllowRule } | { readonly rule: null; readonly reason: string };
export type AllowRules = ReadonlyMap<string, readonly AllowRule[]>;

const binFolders = ['/bin/', '/usr/bin/', '/usr/local/bin/'];
/** They run what follows with less time, priority or buffering, and change nothing else. */
const transparent = new Set(['timeout', 'nice', 'nohup', 'stdbuf', 'command']);
const maxWrapping = 4;

/** Allow rules by their first word. */
export function compileAllow(patterns: readonly ParsedPattern[]): AllowRules {
  const rules = new Map<string, AllowRule[]>();
  for (const pattern of patterns) {
    if (pattern.kind === 'all') continue;
    const [name = ''] = pattern.tokens;
    rules.set(name, [...(rules.get(name) ?? []), pattern]);
  }
  return rules;
}

/** The rule that covers the whole command, or why none does. The words are known: nothing in them depends on a run. */
export function coverCommand(words: readonly Word[], rules: AllowRules, wrapped = 0): Coverage {
  const [first] = words;
  const name = first?.text ?? '';
  let reason = name === '' ? 'It has no name.' : 'No rule allows it.';
  if (!first) return { rule: null, reason };
  const folder = binFolders.find((one) => name.startsWith(one));
  const bareName = folder === undefined ? name : name.slice(folder.length);
  for (const rule of [...(rules.get(name) ?? []), ...(bareName === name ? [] : (rules.get(bareName) ?? []))]) {
    const spelled = spelledWords(rule, words);
    if (typeof spelled === 'string') {
      reason = spelled;
      continue;
    }
    if (spelled === null) continue;
    const objection = objectTo(rule, words, spelled);
    if (objection === null) return { rule };
    reason = objection;
  }
  if (transparent.has(bareName) && first.bare) {
    const inside = coverWrapped(bareName, words, rules, wrapped);
    if (inside) return inside;
  }
  return { rule: null, reason };
}

function coverWrapped(name: string, words: readonly Word[], rules: AllowRules, wrapped: number): Coverage | null {
  const wrapper = wrapperOf(name);
  if (!wrapper || wrapped >= maxWrapping) return null;
  const { at, sure } = innerCommand(wrapper, words);
  if (!sure) return { rule: null, reason: `An option of "${name}" is not known.` };
  if (at >= words.length || words.slice(0, at).some((word) => !word.bare)) return null;
  return coverCommand(words.slice(at), rules, wrapped + 1);
}

/** Options of git that only say how its output is paged or locked; a rule for a subcommand holds behind them. */
const gitPrefixes = new Set(['--no-pager', '-P', '--no-optional-locks', '--literal-pathspecs']);

/** How many of the words the rule spells out; null if it is not the beginning of the command, a sentence if it is oddly spelled. */
function spelledWords(rule: AllowRule, words: readonly Word[]): number | string | null {
  const open = rule.tokens.length > 1 && rule.tokens.at(-1) === '*';
  const tokens = open ? rule.tokens.slice(0, -1) : rule.tokens;
  const skipped = tokens[0] === 'git' && !rule.exact && tokens.length > 1 && !gitPrefixes.has(tokens[1] ?? '') ? countPrefixes(words) : 0;
  const count = tokens.length + skipped;
  if (words.length < count || (rule.exact && !open && words.length > count)) return null;
  let odd = false;
  for (const [index, token] of tokens.entries()) {
    const word = words[index === 0 ? 0 : index + skipped];
    if (!word || (index > 0 && word.text !== token && !(token.includes('*') && globMatches(token, word.text)))) return null;
    odd ||= !word.bare || word.glob;
  }
  // Quotes inside a name have no honest use.
  return odd ? 'A word that a rule covers is not spelled plainly.' : count;
}

function countPrefixes(words: readonly Word[]): number {
  let count = 0;
  while (gitPrefixes.has(words[count + 1]?.text ?? '')) count += 1;
  return count;
}

/** Why a rule that matches still does not allow, or null. */
function objectTo(rule: AllowRule, words: readonly Word[], spelled: number): string | null {
  const name = baseName(words[0]?.text ?? '');
  const open = words.slice(spelled);
  const wholly = open.length === 0 && (rule.exact || spelled > 1);
  // A person who spelled out the whole command has seen all of it.
  if (wholly && !rule.tokens.some((token) => token.includes('*'))) return null;
  if (/^(--?(version|help)|-V)$/.test(open[0]?.text ?? '') && open.length === 1 && !stateBuiltins.has(name) && (isInterpreter(name) || open[0]?.text !== '-V')) return null;
  if (isInterpreter(name) && !readers.has(name)) return `"${name}" runs code; a rule for it covers "--version" and what the rule itself spells out.`;
  const spelledText = words.slice(0, spelled).map((word) => word.text);
  if (wrappers.has(name) && !(spelled > 1 && packageRunners.has(name))) return `"${name}" starts another program, which a rule for "${name}" does not cover.`;
  if (stateBuiltins.has(name)) return `"${name}" changes the shell or evaluates its arguments; a rule for it does not cover that.`;
  if (interactive.has(name)) return `"${name}" can start other programs; a rule for it does not cover that.`;
  return escapeOption(spelledText, open);
}

/** Interpreters of small languages whose programs are read word for word. */
const readers = new Set(['awk', 'gawk', 'mawk', 'nawk', 'jq']);
/** A rule that names the package as well says what is run. */
const packageRunners = new Set(['npx', 'pnpx', 'bunx', 'uvx']);
