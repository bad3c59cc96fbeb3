import type { FileChange, PlanOf } from '@megabot/contracts/action.ts';
import { canonicalPath, WorkspaceRefusedError } from './archive-entry.ts';
import { copyFile, entriesOf, producedArchive, writeHeader } from './archive.ts';
import { lookAtFiles } from './look.ts';
import type { PutResult, WorkspaceHandle, WorkspaceStore } from './store.ts';
import { workspacePath, writeFiles } from './write-files.ts';

export type FilePlan = PlanOf<'file_write' | 'file_delete' | 'file_move'>;

/** The files are not those that were shown to whoever approved the change; nothing was changed. */
export class FilesMovedError extends Error {
  override readonly name = 'FilesMovedError';
}

/**
 * Changes files of a stored workspace as a plan says, all of them or none, if each still holds what it held when the plan was
 * judged. It works on the archive alone: no path of the host is resolved, and no link is followed.
 * @throws FilesMovedError, WorkspaceRefusedError
 */
export async function changeFiles(store: WorkspaceStore, workspace: WorkspaceHandle, plan: FilePlan): Promise<PutResult> {
  await requireUnmoved(workspace, plan.changes);
  const maxBytes = plan.limits.workspaceBytes;
  switch (plan.kind) {
    case 'file_write':
      return await writeFiles(store, workspace, plan.files.map((file) => ({ path: file.path, bytes: Buffer.from(file.content, 'utf8') })), maxBytes);
    case 'file_delete':
      return await rename(store, workspace, new Map(plan.changes.map(({ path }) => [workspacePath(path), null])), maxBytes);
    case 'file_move':
      return await rename(store, workspace, new Map([[workspacePath(plan.from), workspacePath(plan.to)]]), maxBytes);
  }
}

async function requireUnmoved(workspace: WorkspaceHandle, changes: readonly FileChange[]): Promise<void> {
  const looks = await lookAtFiles(workspace, changes.map(({ path }) => path), 0);
  for (const [index, { path, before }] of changes.entries()) {
    const look = looks[index];
    if (look?.state === 'unusable') throw new WorkspaceRefusedError('unsafe_name', `not a file, so not to be changed: ${JSON.stringify(path)}`);
    if ((look?.hash ?? null) !== before) throw new FilesMovedError(`${path} is not what it was when the change was shown`);
  }
}

/** Gives files other names, or none (`null`): everything else of the archive is copied as it is. */
async function rename(store: WorkspaceStore, workspace: WorkspaceHandle, names: ReadonlyMap<string, string | null>, maxBytes: number): Promise<PutResult> {
  const tar = producedArchive(async (output) => {
    const stored = workspace.readTar();
    if (!stored) return;
    for await (const entry of entriesOf(stored)) {
      const { name, type, mode, mtime, size, linkname } = entry.header;
      const path = canonicalPath(name);
      const other = names.get(path);
      if (other === null) entry.skip();
      else if (type === 'file') await copyFile(entry.content, output, { name: other ?? name, type, size, mode, mtime });
      else {
        entry.skip();
        await writeHeader(output, { name, type, mode, mtime, ...(linkname ? { linkname } : {}) });
      }
    }
  });
  return await store.put(workspace.conversation, tar, maxBytes, workspace.revision);
}
