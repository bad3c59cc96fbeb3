import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { canonicalPath } from './archive-entry.ts';
import { copyFile, entriesOf, producedArchive, writeHeader } from './archive.ts';

/** One name of a workspace with its content, in memory: for a driver that has no container to fill. */
export type WorkspaceItem =
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly mtime: Date; readonly bytes: Uint8Array }
  | { readonly type: 'directory'; readonly path: string; readonly mode: number; readonly mtime: Date }
  | { readonly type: 'symlink'; readonly path: string; readonly mtime: Date; readonly target: string };

/** Everything of a stored workspace, which is as large as its quota at most. */
export async function readItems(tar: Readable): Promise<WorkspaceItem[]> {
  const items: WorkspaceItem[] = [];
  for await (const entry of entriesOf(tar)) {
    const { name, type, mode, mtime, linkname } = entry.header;
    const path = canonicalPath(name);
    if (type === 'file') items.push({ type, path, mode, mtime, bytes: await buffer(entry.content) });
    else {
      entry.skip();
      if (type === 'directory') items.push({ type, path, mode, mtime });
      else if (type === 'symlink') items.push({ type, path, mtime, target: linkname ?? '' });
    }
  }
  return items;
}

/** The same, as a tar archive for the store. */
export function packItems(items: readonly WorkspaceItem[]): Readable {
  return producedArchive(async (output) => {
    for (const item of items) {
      const header = { name: item.path, type: item.type, mtime: item.mtime };
      if (item.type === 'file') {
        await copyFile(Readable.from([item.bytes]), output, { ...header, size: item.bytes.byteLength, mode: item.mode });
      } else if (item.type === 'directory') await writeHeader(output, { ...header, mode: item.mode });
      else await writeHeader(output, { ...header, linkname: item.target });
    }
  });
}
