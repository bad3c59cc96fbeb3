import { createHash } from 'node:crypto';
import { canonicalPath, parentsOf } from './archive-entry.ts';
import { entriesOf } from './archive.ts';
import type { WorkspaceHandle } from './store.ts';
import { workspacePath } from './write-files.ts';

/**
 * What stands under a name: a file, nothing, or something that is no place for a file: a folder, a link, a device, or a name
 * below one of them that is no folder. Links are never followed.
 */
export interface FileLook {
  readonly path: string;
  readonly state: 'file' | 'missing' | 'unusable';
  /** SHA-256 of a file's bytes, in hex. */
  readonly hash: string | null;
  readonly size: number;
  /** A file's bytes, as far as they were asked for. */
  readonly bytes: Uint8Array | null;
}

/**
 * Looks at single names of a stored workspace, in its archive alone: no path of the host is ever resolved. `keep` says up to
 * which size a file's bytes are wanted. In the order of `paths`. @throws WorkspaceRefusedError
 */
export async function lookAtFiles(workspace: WorkspaceHandle, paths: readonly string[], keep: number): Promise<FileLook[]> {
  const wanted = new Set(paths.map(workspacePath));
  const parents = new Set([...wanted].flatMap(parentsOf));
  const found = new Map<string, FileLook>();
  const blocked = new Set<string>();
  const stored = workspace.readTar();
  if (stored) {
    for await (const entry of entriesOf(stored)) {
      const path = canonicalPath(entry.header.name);
      const { type, size } = entry.header;
      if (type !== 'directory' && parents.has(path)) blocked.add(path);
      if (!wanted.has(path)) entry.skip();
      else if (type === 'file') found.set(path, { path, state: 'file', size: size ?? 0, ...(await read(entry.content, (size ?? 0) <= keep)) });
      else {
        entry.skip();
        found.set(path, { path, state: 'unusable', hash: null, size: 0, bytes: null });
      }
    }
  }
  return paths.map((given) => {
    const path = workspacePath(given);
    const state = parentsOf(path).some((parent) => blocked.has(parent)) ? 'unusable' : 'missing';
    return found.get(path) ?? { path, state, hash: null, size: 0, bytes: null };
  });
}

async function read(content: AsyncIterable<Uint8Array>, keep: boolean): Promise<{ hash: string; bytes: Uint8Array | null }> {
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) {
    hash.update(chunk);
    if (keep) chunks.push(chunk);
  }
  return { hash: hash.digest('hex'), bytes: keep ? Buffer.concat(chunks) : null };
}
