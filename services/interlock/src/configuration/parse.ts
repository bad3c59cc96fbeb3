import { isMap, isNode, isPair, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { compilePolicy } from '../policy/decide.ts';
import { Configuration } from './schema.ts';

/** `problems` are sentences with line and column; `ignored` are entries of the allow list that cannot be used. */
export type ConfigurationReading =
  | { readonly ok: true; readonly configuration: Configuration; readonly ignored: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

const maxBytes = 262_144;

/** Reads the text of `meta-config.yaml`. Unknown keys and wrong types are errors; so is a deny entry that cannot be used. */
export function parseConfiguration(text: string): ConfigurationReading {
  if (Buffer.byteLength(text) > maxBytes) return { ok: false, problems: ['The file is larger than 256 KiB.'] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  if (document.errors.length > 0) {
    const problems = document.errors.slice(0, 5).map((error) => {
      const hint = /alias/i.test(error.message) ? ' (write "*" with its quotes)' : '';
      return `${at(error.pos[0])}: ${sentence(error.message)}${hint}`;
    });
    return { ok: false, problems };
  }
  // An editor that was interrupted leaves an empty file; that must not count as "no deny rules".
  if (document.contents === null) return { ok: false, problems: ['The file is empty.'] };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 50 });
  } catch {
    return { ok: false, problems: ['An alias in the file cannot be resolved (write "*" with its quotes).'] };
  }
  const parsed = Configuration.safeParse(value);
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.slice(0, 10).map((issue) => describe(issue, document, at)) };
  try {
    return { ok: true, configuration: parsed.data, ignored: compilePolicy(parsed.data.policies).problems };
  } catch (error) {
    if (error instanceof RangeError) return { ok: false, problems: [error.message] };
    throw error;
  }
}

function describe(issue: z.core.$ZodIssue, document: Document, at: (offset: number) => string): string {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const offset = offsetOfKey(document, path, key) ?? offsetOf(document, path);
    return `${at(offset)}: "${[...path, key].join('.')}" is not a setting.`;
  }
  if (issue.code === 'invalid_key') {
    const offset = offsetOfKey(document, path.slice(0, -1), String(path.at(-1))) ?? offsetOf(document, path);
    return `${at(offset)}: "${path.join('.')}" is not a name that can stand here.`;
  }
  return `${at(offsetOf(document, path))}: "${path.join('.') || 'the file'}" ${wrong(issue)}`;
}

function wrong(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'string' ? 'must be text; put it in quotes.' : `must be of the type ${issue.expected}.`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `is too small or too short (minimum ${String(issue.minimum)}).`;
    case 'too_big':
      return `is too large or too long (maximum ${String(issue.maximum)}).`;
    default:
      return issue.message.startsWith('must ') ? `${issue.message}.` : 'has the wrong form.';
  }
}

type Path = readonly (string | number)[];

function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function offsetOfKey(document: Document, path: Path, key: string): number | undefined {
  const map: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(map)) return undefined;
  const pair = map.items.find((item) => isPair(item) && String(item.key) === key);
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
}

/** The library's messages without their position and excerpt. */
function sentence(message: string): string {
  const [first = ''] = message.split('\n');
  return first.replace(/ at line \d+, column \d+:?$/, '').replace(/\.?$/, '.');
}
