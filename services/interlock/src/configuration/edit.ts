import { isScalar, isSeq, parseDocument, Scalar, YAMLSeq, type Document } from 'yaml';
import type { Policy } from '@megabot/contracts/policy.ts';

export type PolicyEdit =
  | { readonly op: 'add' | 'remove'; readonly list: 'allow' | 'deny'; readonly pattern: string }
  | { readonly op: 'replace'; readonly policy: Pick<Policy, 'allow' | 'deny'> };

/**
 * The text with one edit made: comments, order and everything else stay as they are. The same text if the edit changes
 * nothing. The text must parse.
 */
export function editConfiguration(text: string, edit: PolicyEdit): string {
  const document = parseDocument(text);
  let changed = false;
  switch (edit.op) {
    case 'add':
      changed = change(document, edit.list, (items) => (items.some((item) => patternOf(item) === edit.pattern) ? items : [...items, quoted(edit.pattern)]));
      break;
    case 'remove':
      changed = change(document, edit.list, (items) => items.filter((item) => patternOf(item) !== edit.pattern));
      break;
    case 'replace':
      for (const list of ['allow', 'deny'] as const) {
        const wanted = [...new Set(edit.policy[list].map((pattern) => pattern.trim()))];
        changed = change(document, list, (items) => wanted.map((pattern) => items.find((item) => patternOf(item) === pattern) ?? quoted(pattern))) || changed;
      }
      break;
  }
  return changed ? document.toString({ lineWidth: 0, flowCollectionPadding: false }) : text;
}

function change(document: Document, list: 'allow' | 'deny', edit: (items: readonly unknown[]) => unknown[] | readonly unknown[]): boolean {
  const path = ['policies', list];
  const found: unknown = document.getIn(path, true);
  const before = isSeq(found) ? found.items : [];
  const after = [...edit(before)];
  if (after.length === before.length && after.every((item, index) => item === before[index])) return false;
  if (isSeq(found)) {
    found.items = after;
    // A list on one line stays readable only while it is short.
    if (after.length > 0) found.flow = false;
    else found.flow = true;
    return true;
  }
  const sequence = new YAMLSeq();
  sequence.items = after;
  const policies: unknown = document.getIn(['policies'], true);
  if (policies === undefined || policies === null || (isScalar(policies) && policies.value === null)) document.setIn(['policies'], document.createNode({}));
  document.setIn(path, sequence);
  return true;
}

const patternOf = (item: unknown): unknown => {
  const value: unknown = isScalar(item) ? item.value : item;
  return typeof value === 'string' ? value.trim() : value;
};

/** Always in quotes: `*`, `=` or `-` at the beginning mean something else to YAML. */
function quoted(pattern: string): Scalar {
  const scalar = new Scalar(pattern);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}
