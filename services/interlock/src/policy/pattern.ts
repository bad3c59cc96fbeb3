import { suspiciousCharacter } from './characters.ts';

/**
 * A pattern, read. `all` is `*`; a `command` pattern is a token prefix of one simple command; an `argument` pattern is a
 * single token that begins with `-`, `/` or `~` or holds a `/`, and stands for that option or path wherever it occurs.
 */
export type ParsedPattern =
  | { readonly kind: 'all'; readonly text: string; readonly index: number }
  | { readonly kind: 'command' | 'argument'; readonly text: string; readonly tokens: readonly string[]; readonly exact: boolean; readonly index: number };

export type PatternReading = { readonly ok: true; readonly pattern: ParsedPattern } | { readonly ok: false; readonly problem: string };

const refuse = (problem: string): PatternReading => ({ ok: false, problem });

/** Reads one entry of the allow or the deny list, `index` being its place there. `problem` is a sentence for a person. */
export function parsePattern(entry: string, index = 0): PatternReading {
  const text = entry.trim();
  if (text === '') return refuse('An empty pattern would match everything; write "*" if that is meant.');
  if (text === '*') return { ok: true, pattern: { kind: 'all', text, index } };
  if (suspiciousCharacter(text) !== null || /[\n\t]/.test(text)) return refuse('The pattern holds a control, invisible or unusual space character.');
  if (/["'`\\$;&|<>(){}]/.test(text)) return refuse('A pattern is the plain beginning of one simple command: it has no quotes, operators or expansions.');
  const exact = text.startsWith('=');
  const tokens = (exact ? text.slice(1) : text).trim().split(/ +/);
  const [name = ''] = tokens;
  if (name === '') return refuse('The pattern names no command.');
  if (name.includes('*') || name.includes('?') || name.includes('[')) return refuse('A wildcard may not stand in the name of a command ("*" alone means every command).');
  if (name.includes('=') && !name.startsWith('-')) return refuse('A pattern may not begin with an assignment.');
  const isArgument = !exact && tokens.length === 1 && (/^[-/~]/.test(name) || name.includes('/'));
  return { ok: true, pattern: { kind: isArgument ? 'argument' : 'command', text, tokens, exact, index } };
}

/** Whether `glob` (with `*`, `?` and `[…]`) matches the whole text; linear in the product of both lengths. */
export function globMatches(glob: string, text: string): boolean {
  const parts = globParts(glob);
  let reachable = new Set<number>([0]);
  const closure = (states: Set<number>): Set<number> => {
    for (const state of states) if (parts[state] === '*') states.add(state + 1);
    return states;
  };
  reachable = closure(reachable);
  for (const character of text) {
    const next = new Set<number>();
    for (const state of reachable) {
      const part = parts[state];
      if (part === undefined) continue;
      if (part === '*') next.add(state);
      else if (part === '?' || part === character || (part.length > 1 && inClass(part, character))) next.add(state + 1);
    }
    if (next.size === 0) return false;
    reachable = closure(next);
  }
  return reachable.has(parts.length);
}

function globParts(glob: string): string[] {
  const parts: string[] = [];
  // No bracket is searched for behind the last one, so that a line of opening ones takes linear time.
  const lastClosing = glob.lastIndexOf(']');
  for (let at = 0; at < glob.length; at++) {
    const character = glob.charAt(at);
    const end = character === '[' && at + 2 <= lastClosing ? glob.indexOf(']', at + 2) : -1;
    if (end > 0) {
      parts.push(glob.slice(at, end + 1));
      at = end;
    } else if (character !== '*' || parts.at(-1) !== '*') parts.push(character);
  }
  return parts;
}

function inClass(part: string, character: string): boolean {
  const body = part.slice(1, -1);
  const negated = body.startsWith('!') || body.startsWith('^');
  const set = negated ? body.slice(1) : body;
  // A named class ([:alpha:]) or a collating symbol may hold anything.
  if (set.includes('[')) return true;
  let found = false;
  for (let at = 0; at < set.length; at++) {
    if (set.charAt(at + 1) === '-' && at + 2 < set.length) {
      if (set.charAt(at) <= character && character <= set.charAt(at + 2)) found = true;
      at += 2;
    } else if (set.charAt(at) === character) found = true;
  }
  return found !== negated;
}
