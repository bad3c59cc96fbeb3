import type { z } from 'zod';
import type { fileRead, filesList, WorkspaceEntry } from '@megabot/contracts/endpoints/sandbox.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { WorkspaceRefusedError, type ArchiveEntry } from './workspace/archive-entry.ts';
import type { WorkspaceStore } from './workspace/store.ts';

type ListRequest = z.output<(typeof filesList)['request']>;
type ReadRequest = z.output<(typeof fileRead)['request']>;

/** Of all entries in one answer as JSON: a message of the bus holds 8 MiB. */
const maxListBytes = 2 * 1024 * 1024;

/** A page of what a workspace holds. @throws ServiceError `unavailable` */
export async function listFiles(workspaces: WorkspaceStore, { conversation, after = '', limit }: ListRequest): Promise<z.input<(typeof filesList)['reply']>> {
  return await readable(async () => {
    const workspace = await workspaces.get(conversation);
    const manifest = await workspace.manifest();
    const rest = manifest.filter((entry) => entry.path > after);
    const files: WorkspaceEntry[] = [];
    let bytes = 0;
    for (const entry of rest.slice(0, limit).map(toEntry)) {
      bytes += Buffer.byteLength(JSON.stringify(entry));
      if (bytes > maxListBytes) break;
      files.push(entry);
    }
    return { revision: workspace.revision, bytes: workspace.bytes, entries: manifest.length, files, hasMore: files.length < rest.length };
  });
}

/**
 * A part of one file, out of the archive: no path of the host is resolved, and a link is not followed but not found.
 * @throws ServiceError `not_found`, `conflict` when the workspace is another by now, `unavailable`
 */
export async function readFilePart(workspaces: WorkspaceStore, { conversation, path, start, length, revision }: ReadRequest): Promise<z.input<(typeof fileRead)['reply']>> {
  return await readable(async () => {
    const workspace = await workspaces.get(conversation);
    const changed = (): ServiceError => new ServiceError('conflict', 'The files have changed while they were read.', { hint: 'Read the file again from its beginning.' });
    if (revision !== undefined && revision !== workspace.revision) throw changed();
    const entry = (await workspace.manifest()).find((one) => one.path === path);
    if (entry?.type !== 'file') throw new ServiceError('not_found', 'The workspace has no file of this name.', { hint: 'The list of its files says what there is; links and folders cannot be read.' });
    const part = await workspace.readRange(path, start, length);
    if (!part) throw changed();
    return { revision: workspace.revision, size: entry.size, hash: entry.sha256, data: Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('base64') };
  });
}

function toEntry(entry: ArchiveEntry): WorkspaceEntry {
  const { path, type } = entry;
  const modifiedAt = Math.max(0, entry.mtime.getTime());
  return { path, type, modifiedAt, size: type === 'file' ? entry.size : 0, ...(type === 'symlink' ? { target: entry.target } : {}) };
}

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof WorkspaceRefusedError) throw new ServiceError('unavailable', 'The stored workspace cannot be read.', { cause: error });
    throw error;
  }
}
