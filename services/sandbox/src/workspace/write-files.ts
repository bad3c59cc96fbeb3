import { Readable } from 'node:stream';
import type { Pack } from 'tar-stream';
import { canonicalPath, WorkspaceRefusedError } from './archive-entry.ts';
import { copyFile, entriesOf, producedArchive, writeHeader } from './archive.ts';
import type { PutResult, WorkspaceHandle, WorkspaceStore } from './store.ts';

/** A file to be written; `path` is relative to the workspace, or begins with `/workspace/`. */
export interface FileToWrite {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Writes files into a stored workspace, making the folders they need. It works on the archive alone, so no path of the
 * host is ever resolved, and a path that leads through a link is refused instead of followed. A file that exists keeps its mode.
 * @throws WorkspaceRefusedError
 */
export async function writeFiles(
  store: WorkspaceStore,
  workspace: WorkspaceHandle,
  files: readonly FileToWrite[],
  maxBytes: number,
): Promise<PutResult> {
  const wanted = new Map<string, Uint8Array>();
  for (const file of files) {
    const path = workspacePath(file.path);
    if (wanted.has(path)) throw new WorkspaceRefusedError('unsafe_name', `a file that is to be written twice: ${JSON.stringify(path)}`);
    wanted.set(path, file.bytes);
  }
  const tar = producedArchive(async (output) => await merge(workspace, wanted, output));
  return await store.put(workspace.conversation, tar, maxBytes, workspace.revision);
}

/** @throws WorkspaceRefusedError `unsafe_name` for anything that is not a file's path inside the workspace. */
export function workspacePath(path: string): string {
  const relative = canonicalPath(path.startsWith('/workspace/') ? path.slice('/workspace/'.length) : path);
  if (relative === '' || path.endsWith('/')) throw new WorkspaceRefusedError('unsafe_name', 'a path that names no file');
  return relative;
}

async function merge(workspace: WorkspaceHandle, wanted: ReadonlyMap<string, Uint8Array>, output: Pack): Promise<void> {
  const modes = new Map<string, number>();
  const links: Parameters<typeof writeHeader>[1][] = [];
  const stored = workspace.readTar();
  if (stored) {
    for await (const entry of entriesOf(stored)) {
      const { name, type, mode, mtime, size, linkname } = entry.header;
      const path = canonicalPath(name);
      if (wanted.has(path)) {
        if (type !== 'file') throw new WorkspaceRefusedError('unsafe_name', `not a file, so not to be written: ${JSON.stringify(path)}`);
        modes.set(path, mode);
        entry.skip();
      } else if (type === 'file') {
        await copyFile(entry.content, output, { name, type, size, mode, mtime });
      } else {
        entry.skip();
        const header = { name, type, mode, mtime, ...(linkname ? { linkname } : {}) };
        // Links stay last, but a new file below one must be noticed: the links go out before the new files.
        if (type === 'symlink') links.push(header);
        else await writeHeader(output, header);
      }
    }
  }
  for (const link of links) await writeHeader(output, link);
  for (const [path, bytes] of wanted) {
    await copyFile(Readable.from([bytes]), output, { name: path, type: 'file', size: bytes.byteLength, mode: modes.get(path) ?? 0o644, mtime: new Date() });
  }
}
