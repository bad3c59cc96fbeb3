import { nameMatches, restOf, type Candidate, type Rest } from './match.ts';
import { deniedPaths } from './paths.ts';
import type { ParsedPattern } from './pattern.ts';
import { baseName, unversioned } from './programs.ts';

export type Rule = Exclude<ParsedPattern, { kind: 'all' }>;

export interface CommandRule {
  readonly rule: Rule;
  readonly name: string;
  readonly rest: Rest;
}

/** Deny rules by what they are looked up with. */
export interface DenyRules {
  readonly all: readonly CommandRule[];
  readonly byName: ReadonlyMap<string, readonly CommandRule[]>;
  /** Options that are denied in any command. */
  readonly options: readonly Rule[];
  readonly byPath: ReadonlyMap<string, Rule>;
  /** Names of the files and folders that denied paths end in. */
  readonly ends: ReadonlySet<string>;
  readonly empty: boolean;
}

export function compileDeny(patterns: readonly ParsedPattern[]): DenyRules {
  const rules = patterns.filter((pattern) => pattern.kind !== 'all');
  const all: CommandRule[] = [];
  const byName = new Map<string, CommandRule[]>();
  const byPath = new Map<string, Rule>();
  const add = (rule: Rule, name: string, rest: Rest): void => {
    const entry: CommandRule = { rule, name: baseName(name), rest };
    all.push(entry);
    byName.set(entry.name, [...(byName.get(entry.name) ?? []), entry]);
  };
  for (const rule of rules) {
    const [name = ''] = rule.tokens;
    if (rule.kind === 'command') add(rule, name, restOf(rule.tokens));
    else if (!name.startsWith('-')) {
      for (const path of deniedPaths(name)) if (!byPath.has(path)) byPath.set(path, rule);
      // "/bin/rm" forbids the path, and also the program that everybody calls by its bare name.
      if (/^\/(usr\/)?(local\/)?s?bin\//.test(name)) add(rule, name, { options: [], positionals: [] });
    }
  }
  const options = rules.filter((rule) => rule.kind === 'argument' && (rule.tokens[0] ?? '').startsWith('-'));
  const ends = new Set([...byPath.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1)));
  return { all, byName, options, byPath, ends, empty: rules.length === 0 };
}

const none: readonly CommandRule[] = [];

/** The rules whose name the word may be: spelled alike, or with a suffix or version, or by a wildcard. */
export function rulesNaming(rules: DenyRules, word: Candidate): readonly CommandRule[] {
  if (word.glob) return rules.all.filter((entry) => nameMatches(word, entry.name));
  const name = baseName(word.text);
  const plain = rules.byName.get(name) ?? none;
  if (!name.includes('.') && !/\d$/.test(name)) return plain;
  const shorter = new Set<string>();
  const short = unversioned(name);
  if (short !== name) shorter.add(short);
  for (let dot = name.indexOf('.'); dot > 0 && shorter.size < 12; dot = name.indexOf('.', dot + 1)) shorter.add(name.slice(0, dot));
  return shorter.size === 0 ? plain : [...plain, ...[...shorter].flatMap((one) => rules.byName.get(one) ?? [])];
}
