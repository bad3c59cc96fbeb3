import { foldCharacters } from './characters.ts';
import { argumentMatches, commandMatches, nameMatches, type Candidate } from './match.ts';
import type { ParsedPattern } from './pattern.ts';
import { baseName, evaluators, isInterpreter, isShell, unversioned, wrappers } from './programs.ts';
import { readScript, type Script, type SimpleCommand } from './script.ts';
import { decodeEscapes } from './shell-word.ts';

export interface DenyHit {
  readonly rule: string;
  readonly reason: string;
}

const maxNesting = 8;

/**
 * Looks broadly for anything that a deny rule names: in every simple command, in what wrappers start, in quoted scripts, and,
 * where code may hide from the reader, anywhere in the unquoted text. There is no limit of work after which it stops looking.
 */
export function findDenied(command: string, script: Script, rules: DenyRules): DenyHit | null {
  if (rules.commands.length === 0 && rules.arguments.length === 0) return null;
  const folded = foldCharacters(command);
  return findInScript(command, script, rules, 0) ?? (folded === command ? null : findInScript(folded, readScript(folded), rules, 0));
}

type Rule = Exclude<ParsedPattern, { kind: 'all' }>;

/** Deny rules, those about commands also by the name that they begin with. */
export interface DenyRules {
  readonly commands: readonly Rule[];
  readonly byName: ReadonlyMap<string, readonly Rule[]>;
  readonly arguments: readonly Rule[];
}

export function compileDeny(patterns: readonly ParsedPattern[]): DenyRules {
  const rules = patterns.filter((pattern) => pattern.kind !== 'all');
  const commands = rules.filter((rule) => rule.kind === 'command');
  const byName = new Map<string, Rule[]>();
  const add = (name: string, rule: Rule): void => void byName.set(name, [...(byName.get(name) ?? []), rule]);
  for (const rule of commands) add(baseName(rule.tokens[0] ?? ''), rule);
  // "/bin/rm" forbids the path, and also the program that everybody calls by its bare name.
  for (const rule of rules) if (rule.kind === 'argument' && /^\/(usr\/)?(local\/)?s?bin\//.test(rule.text)) add(baseName(rule.text), rule);
  return { commands, byName, arguments: rules.filter((rule) => rule.kind === 'argument') };
}

/** The rules whose name the word may be: spelled alike, or with a suffix or version, or by a wildcard. */
function rulesNaming(rules: DenyRules, word: Candidate): readonly Rule[] {
  if (word.glob) return rules.commands.filter((rule) => nameMatches(word, rule.tokens[0] ?? ''));
  const name = baseName(word.text);
  const shorter = new Set([name, unversioned(name)]);
  for (let dot = name.indexOf('.'); dot > 0 && shorter.size < 12; dot = name.indexOf('.', dot + 1)) shorter.add(name.slice(0, dot));
  return [...shorter].flatMap((one) => rules.byName.get(one) ?? []);
}

/** The first rule that forbids a command beginning anywhere from `from` on. */
function searchWords(rules: DenyRules, words: readonly Candidate[], from: number): Rule | null {
  const tried = new Map<Rule, number>();
  for (let at = from; at < words.length; at++) {
    const word = words[at];
    if (!word) break;
    for (const rule of rulesNaming(rules, word)) {
      const count = (tried.get(rule) ?? 0) + 1;
      tried.set(rule, count);
      // A precise look at each of very many places would take time in their product; then the name alone stands for all.
      if (commandMatches(rule.tokens, words, at) || count > 200) return rule;
    }
  }
  return null;
}

function findInScript(text: string, script: Script, rules: DenyRules, nesting: number): DenyHit | null {
  let opaque = script.opaque || nesting >= maxNesting;
  for (const command of script.commands) {
    const inside = findInCommand(command, rules, nesting);
    if (inside) return inside;
    opaque ||= hidesCode(command);
  }
  return opaque ? searchText(text, rules) : null;
}

function findInCommand(command: SimpleCommand, rules: DenyRules, nesting: number): DenyHit | null {
  const words = command.words.flatMap((word) => (word.text.includes('{') && word.glob ? expandBraces(word.text) : [word]));
  const [first] = words;
  const named = first && rulesNaming(rules, first).find((rule) => commandMatches(rule.tokens, words, 0));
  if (named) return hit(named, 'is what this runs');
  for (const rule of rules.arguments) {
    if ([...words, ...command.targets].some((word) => argumentMatches(rule, word))) return hit(rule, 'names something that this touches');
  }
  return findInArguments(words, rules, nesting);
}

/** What a wrapper starts may begin at any of its arguments, and may be spelled as one quoted script. */
function findInArguments(words: readonly Candidate[], rules: DenyRules, nesting: number): DenyHit | null {
  const from = firstStarted(words);
  if (from === null) return null;
  const started = searchWords(rules, words, from);
  if (started) return hit(started, 'is what this starts');
  if (nesting >= maxNesting) return null;
  for (const word of words.slice(1)) {
    for (const inner of scriptsIn(word.text)) {
      const inside = findInScript(inner, readScript(inner), rules, nesting + 1);
      if (inside) return inside;
    }
  }
  return null;
}

function scriptsIn(word: string): string[] {
  if (!/[\s;&|$`!'"\\]/.test(word)) return [];
  const value = word.startsWith('-') ? word.replace(/^(--?[\w-]+=|-\w)/, '') : word.replace(/^[\w.-]+=/, '');
  return [...new Set([word, value])].map((text) => text.replace(/^!/, ''));
}

/** The place from which on arguments may be a command, or null if they are plain data. */
function firstStarted(words: readonly Candidate[]): number | null {
  const name = baseName(words[0]?.text ?? '');
  const after = (...starters: string[]): number | null => {
    const at = words.findIndex((word, index) => index > 0 && starters.includes(word.text));
    return at < 0 ? null : at + 1;
  };
  if (wrappers.has(name) || evaluators.has(name) || isShell(name)) return 1;
  switch (name) {
    case 'find':
      return after('-exec', '-execdir', '-ok', '-okdir');
    case 'docker':
    case 'podman':
    case 'nerdctl':
    case 'kubectl':
    case 'oc':
    case 'docker-compose':
    case 'ip':
      return after('run', 'exec', 'debug', 'attach');
    case 'npm':
    case 'pnpm':
    case 'yarn':
    case 'uv':
    case 'cargo':
      return after('exec', 'x', 'dlx', 'run');
    case 'git':
      return words.some((word) => /^(-c.*|-x|--exec.*|--config-env.*|foreach|run|--\w+-filter|config|alias\..*)$/.test(word.text)) ? 1 : null;
    default:
      return null;
  }
}

/** Whether the command runs code that the reader cannot see as words. */
function hidesCode({ words }: SimpleCommand): boolean {
  const [first, ...rest] = words;
  if (!first) return false;
  const name = baseName(first.text);
  if (first.dynamic || first.glob) return true;
  if (evaluators.has(name)) return true;
  if (wrappers.has(name) || name === 'find') {
    const inner = words.findIndex((word, index) => index > 0 && (word.dynamic || isInterpreter(baseName(word.text)) || evaluators.has(baseName(word.text))));
    return inner > 0 && hidesCode({ words: words.slice(inner), targets: [] });
  }
  if (!isInterpreter(name)) return false;
  if (/^([gmn]?awk)$/.test(name)) return rest.some((word) => /system|getline|[|`@]/.test(word.text));
  const file = rest.findIndex((word) => !word.text.startsWith('-'));
  const options = file < 0 ? rest : rest.slice(0, file);
  if (options.some((word) => word.dynamic || /^(-[A-Za-z]*[ceEpr]|--eval|--print|--exec|--execute|--command|-)/.test(word.text))) return true;
  return file < 0 && !rest.some((word) => /^(--version|--help|-V|-h)$/.test(word.text));
}

const separators = /[\s;&|<>()[\]{},`]+/;

/** Looks for the rules' words anywhere in the text, with quotes and expansions taken out in each way that a shell might. */
function searchText(text: string, rules: DenyRules): DenyHit | null {
  const how = 'occurs in code that cannot be read as plain commands';
  for (const view of viewsOf(text)) {
    const words: Candidate[] = view.split(separators).filter((word) => word !== '').map((word) => ({ text: word, glob: /[*?]/.test(word) && word.includes('/') }));
    const rule = searchWords(rules, words, 0) ?? rules.arguments.find((one) => words.some((word) => argumentMatches(one, word)));
    if (rule) return hit(rule, how);
  }
  return null;
}

function viewsOf(text: string): ReadonlySet<string> {
  const expansion = /\$(\{[^{}]*\}|[A-Za-z_]\w*|[@*#?!-])/g;
  return new Set(
    [text, decodeEscapes(text)]
      .flatMap((one) => [one.replaceAll('\\\n', ''), one.replace(/["'\\]/g, ''), one.replace(/["'\\]/g, ' ')])
      .flatMap((one) => [one.replace(expansion, ''), one.replace(expansion, ' '), one.replace(/\$\{?HOME\}?/g, '~').replaceAll('$', ' ')]),
  );
}

/** `{rm,-rf,x}` as the words that it becomes; one pair of braces, which is what hides a command. */
function expandBraces(text: string): Candidate[] {
  const [, before = '', inside = '', after = ''] = /^([^{]*)\{([^{}]*)\}(.*)$/s.exec(text) ?? [];
  if (inside === '') return [{ text, glob: true }];
  return inside.split(',').slice(0, 256).map((part) => ({ text: before + part + after, glob: /[*?[{]/.test(before + after) }));
}

const hit = (rule: Rule, how: string): DenyHit => ({ rule: rule.text, reason: `The deny rule "${rule.text}" ${how}.` });
