import { isAlias, isScalar, isSeq, parseDocument, Scalar, YAMLSeq, type Document } from 'yaml';
import { canonicalJson } from '@megabot/contracts/canonical.ts';
import type { Policy } from '@megabot/contracts/policy.ts';

export type PolicyEdit =
  | { readonly op: 'add' | 'remove'; readonly list: 'allow' | 'deny'; readonly pattern: string }
  | { readonly op: 'replace'; readonly policy: Pick<Policy, 'allow' | 'deny'> & { readonly matching?: Policy['matching'] } };

/** The edit cannot be made without changing something else in the file; a person has to make it by hand. */
export class UneditableError extends Error {
  override readonly name = 'UneditableError';
}

const byteOrderMark = '\u{FEFF}';

/**
 * The text with one edit made: comments, order, anchors, line ends and everything else stay as they are. The same text if the
 * edit changes nothing. The text must parse.
 * @throws UneditableError where anchors tie the list to something that the edit does not mean
 */
export function editConfiguration(text: string, edit: PolicyEdit): string {
  const mark = text.startsWith(byteOrderMark) ? byteOrderMark : '';
  const windows = /\r\n/.test(text) && !/[^\r]\n/.test(text);
  const plain = windows ? text.slice(mark.length).replaceAll('\r\n', '\n') : text.slice(mark.length);
  const document = parseDocument(plain);
  const before: unknown = document.toJS();
  if (!applyTo(document, edit)) return text;
  const edited = written(document, layoutOf(plain));
  requireOnly(edit, before, parseDocument(edited).toJS());
  return mark + (windows ? edited.replaceAll('\n', '\r\n') : edited);
}

function applyTo(document: Document, edit: PolicyEdit): boolean {
  switch (edit.op) {
    case 'add':
      return change(document, edit.list, (items) => (items.some((item) => patternOf(document, item) === edit.pattern) ? items : [...items, quoted(edit.pattern)]));
    case 'remove':
      return change(document, edit.list, (items) => items.filter((item) => patternOf(document, item) !== edit.pattern));
    case 'replace': {
      let changed = false;
      for (const list of ['allow', 'deny'] as const) {
        const wanted = distinct(edit.policy[list]);
        changed = change(document, list, (items) => wanted.map((pattern) => items.find((item) => patternOf(document, item) === pattern) ?? quoted(pattern))) || changed;
      }
      const { matching } = edit.policy;
      if (matching !== undefined && (document.getIn(['policies', 'matching']) ?? 'commands') !== matching) {
        requireSection(document);
        document.setIn(['policies', 'matching'], matching);
        changed = true;
      }
      return changed;
    }
  }
}

const distinct = (patterns: readonly string[]): string[] => [...new Set(patterns.map((pattern) => pattern.trim()))];

interface Layout {
  readonly indent: number;
  /** Whether entries of a list stand further in than its name. */
  readonly indentSeq: boolean;
}

/** How the text is indented, so that an edit does not turn the whole file over. */
function layoutOf(text: string): Layout {
  const indents = [...text.matchAll(/^( +)[^\s#-]/gm)].map(([, spaces = '']) => spaces.length);
  const indent = Math.min(Math.max(Math.min(...indents, 8), 1), 8);
  return { indent: indents.length === 0 ? 2 : indent, indentSeq: !/^( *)[^\s#-][^\n]*:[ \t]*\n\1- /m.test(text) };
}

function written(document: Document, layout: Layout): string {
  try {
    return document.toString({ lineWidth: 0, flowCollectionPadding: false, ...layout });
  } catch (error) {
    // The entry that goes carries an anchor that something else refers to.
    throw new UneditableError('The file uses anchors that this change would break.', { cause: error });
  }
}

function change(document: Document, list: 'allow' | 'deny', edit: (items: readonly unknown[]) => unknown[] | readonly unknown[]): boolean {
  const path = ['policies', list];
  const found: unknown = document.getIn(path, true);
  // A list that stands elsewhere and is only referred to here: from now on it has entries of its own.
  const source = isAlias(found) ? found.resolve(document) : found;
  const before = isSeq(source) ? source.items : [];
  const after = [...edit(before)];
  if (after.length === before.length && after.every((item, index) => item === before[index])) return false;
  if (isSeq(found)) {
    found.items = after;
    // A list on one line stays readable only while it is short.
    found.flow = after.length === 0;
    return true;
  }
  const sequence = new YAMLSeq();
  sequence.items = isAlias(found) ? after.map((item) => (before.includes(item) ? quoted(String(patternOf(document, item))) : item)) : after;
  requireSection(document);
  document.setIn(path, sequence);
  return true;
}

function requireSection(document: Document): void {
  const policies: unknown = document.getIn(['policies'], true);
  if (policies === undefined || policies === null || (isScalar(policies) && policies.value === null)) document.setIn(['policies'], document.createNode({}));
}

function patternOf(document: Document, item: unknown): unknown {
  const node = isAlias(item) ? item.resolve(document) : item;
  const value: unknown = isScalar(node) ? node.value : node;
  return typeof value === 'string' ? value.trim() : value;
}

/** Always in quotes: `*`, `=` or `-` at the beginning mean something else to YAML. */
function quoted(pattern: string): Scalar {
  const scalar = new Scalar(pattern);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}

/** @throws UneditableError if the texts differ in anything but what the edit asks for */
function requireOnly(edit: PolicyEdit, before: unknown, after: unknown): void {
  const [from, to] = [sectionsOf(before), sectionsOf(after)];
  const wanted = { allow: from.allow, deny: from.deny };
  if (edit.op === 'replace') Object.assign(wanted, { allow: distinct(edit.policy.allow), deny: distinct(edit.policy.deny) });
  else if (edit.op === 'add') wanted[edit.list] = [...wanted[edit.list], edit.pattern];
  else wanted[edit.list] = wanted[edit.list].filter((pattern) => pattern !== edit.pattern);
  if (canonicalJson({ ...wanted, rest: from.rest }) === canonicalJson(to)) return;
  throw new UneditableError('The file ties its lists together with anchors, so that this change would change more than was asked for.');
}

function sectionsOf(value: unknown): { allow: unknown[]; deny: unknown[]; rest: unknown } {
  const { policies, ...rest } = (value ?? {}) as Record<string, unknown>;
  const { allow, deny } = (policies ?? {}) as Record<string, unknown>;
  const listed = (list: unknown): unknown[] => (Array.isArray(list) ? list.map((item: unknown) => (typeof item === 'string' ? item.trim() : item)) : []);
  return { allow: listed(allow), deny: listed(deny), rest };
}
