/** Which kinds of action a scoped pattern speaks of. */
export const scopes = ['write', 'mcp', 'web', 'memory', 'bridge', 'config'] as const;
export type Scope = (typeof scopes)[number];

/** A pattern such as `write:src/**`: it speaks of one kind of action, and never of shell commands. */
export interface ScopedPattern {
  readonly kind: 'scoped';
  readonly text: string;
  readonly scope: Scope;
  readonly body: string;
  /** Why it can stand in the deny list alone, or null. */
  readonly denyOnly: string | null;
}

export type ScopedReading = { readonly ok: true; readonly pattern: ScopedPattern } | { readonly ok: false; readonly problem: string };

const prefix = new RegExp(`^(${scopes.join('|')}):`);

/** Reads an entry that begins with a scope; null where it does not. `problem` is a sentence for a person. */
export function parseScopedPattern(entry: string): ScopedReading | null {
  const text = entry.trim();
  const scope = scopes.find((one) => one === prefix.exec(text)?.[1]);
  if (scope === undefined) return null;
  const body = text.slice(scope.length + 1);
  if (body === '' || /\s/.test(body)) return { ok: false, problem: `After "${scope}:" stands one word, without spaces.` };
  const problem = forms[scope].problem(body);
  return problem === null ? { ok: true, pattern: { kind: 'scoped', text, scope, body, denyOnly: forms[scope].denyOnly(body) } } : { ok: false, problem };
}

/** Whether a pattern of the same scope covers a subject: a path, `server/tool`, a host, `erase`, `platform/chat`, a key. */
export const scopedMatches = (pattern: ScopedPattern, subject: string): boolean => forms[pattern.scope].matches(pattern.body, subject);

interface Form {
  problem(body: string): string | null;
  denyOnly(body: string): string | null;
  matches(body: string, subject: string): boolean;
}

const wild = /[*?]/;
const free = (): null => null;

const forms: Readonly<Record<Scope, Form>> = {
  write: {
    problem: (body) =>
      body.includes('\\') || body.split('/').some((part) => part === '' || part === '.' || part === '..') ? 'A path is relative to the workspace, like "write:src/**", without "." or "..".' : null,
    denyOnly: free,
    matches: (body, path) => pathMatches(body.split('/'), path.split('/')),
  },
  mcp: {
    problem: (body) => (/^[^/]+\/[^/]+$/.test(body) ? null : 'A tool is written "mcp:<server>/<tool>", for instance "mcp:files/*".'),
    denyOnly: (body) => (wild.test(body.split('/')[0] ?? '') ? 'A rule that allows names the server.' : null),
    matches: eachPartMatches,
  },
  web: {
    problem: (body) => (/^(\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*(:\d{1,5})?|\[[0-9a-f:]+\](:\d{1,5})?)$/.test(body) ? null : 'A host is written in lower case and without a path, like "web:example.org" or "web:*.example.org".'),
    denyOnly: (body) => (/^\*(\.[^.]+)?$/.test(body) ? 'A rule that allows names the host.' : null),
    // `*.example.org` is every host below it, not itself, and a host without a port is that host at the usual ports.
    matches: (body, host) => body === '*' || (body.startsWith('*.') ? host.endsWith(body.slice(1)) && host.length >= body.length : host === body),
  },
  memory: { problem: (body) => (body === 'erase' ? null : 'The only one is "memory:erase".'), denyOnly: free, matches: (body, subject) => body === subject },
  bridge: {
    problem: (body) => (/^[^/]+\/.+$/.test(body) ? null : 'A chat is written "bridge:<platform>/<chat>".'),
    denyOnly: (body) => (wild.test(body) ? 'A rule that allows names the platform and the chat.' : null),
    matches: (body, subject) => wildcardMatches(body, subject),
  },
  config: {
    problem: (body) => (/^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$/.test(body) ? null : 'A setting is written like "config:model.url" or "config:policies.*".'),
    denyOnly: () => 'Settings are never changed without asking.',
    matches: (body, key) => body === '*' || (body.endsWith('.*') ? key.startsWith(body.slice(0, -1)) : key === body),
  },
};

function eachPartMatches(body: string, subject: string): boolean {
  const [patterns, parts] = [body.split('/'), subject.split('/')];
  return patterns.length === parts.length && patterns.every((pattern, index) => wildcardMatches(pattern, parts[index] ?? ''));
}

/** `*` stands inside one name, `**` for any number of folders, also none. In the product of both lengths. */
function pathMatches(patterns: readonly string[], parts: readonly string[]): boolean {
  // Row by row from the end: whether the patterns from here on cover the parts from there on.
  let below = Array.from({ length: parts.length + 1 }, (_, at) => at === parts.length);
  for (const pattern of patterns.toReversed()) {
    const row = Array.from<boolean>({ length: parts.length + 1 });
    for (let at = parts.length; at >= 0; at--) {
      row[at] = pattern === '**' ? below[at] === true || (at < parts.length && row[at + 1] === true) : at < parts.length && below[at + 1] === true && wildcardMatches(pattern, parts[at] ?? '');
    }
    below = row;
  }
  return below[0] === true;
}

/** `*` is any text, `?` one character; the whole text has to match. */
function wildcardMatches(pattern: string, text: string): boolean {
  let [at, next, star, resume] = [0, 0, -1, 0];
  while (at < text.length) {
    const wanted = pattern.charAt(next);
    if (wanted === '*') {
      star = next++;
      resume = at;
    } else if (next < pattern.length && (wanted === '?' || wanted === text.charAt(at))) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      next = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern.charAt(next) === '*') next += 1;
  return next === pattern.length;
}
