import { parseDocument, type Document } from 'yaml';

export interface SettingChange {
  /** With dots between sections, for instance `model.url`. */
  readonly key: string;
  readonly value: unknown;
}

/** The text of `meta-config.yaml` with settings changed; comments, order and everything else stay. The text must parse. */
export function setKeys(text: string, changes: readonly SettingChange[]): string {
  const document = parseDocument(text);
  for (const { key, value } of changes) setKey(document, key.split('.'), value);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function setKey(document: Document, path: readonly string[], value: unknown): void {
  for (let length = 1; length < path.length; length++) {
    const section = path.slice(0, length);
    const found: unknown = document.getIn(section);
    // A section that is left out, or written without anything in it.
    if (found === undefined || found === null) document.setIn(section, document.createNode({}));
  }
  // A plain value keeps the place and the comment of the one before.
  document.setIn(path, typeof value === 'object' && value !== null ? document.createNode(value) : value);
}
