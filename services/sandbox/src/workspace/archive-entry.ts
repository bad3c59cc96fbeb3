import { createHash } from 'node:crypto';

/** One name of a workspace. `path` is relative, with `/` between names and nothing before or after. */
export type ArchiveEntry =
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly mtime: Date; readonly size: number; readonly sha256: string }
  | { readonly type: 'directory'; readonly path: string; readonly mode: number; readonly mtime: Date }
  | { readonly type: 'symlink'; readonly path: string; readonly mtime: Date; readonly target: string };

/** An entry that was left out of a workspace on its way in, and why. The rest was kept. */
export interface OmittedEntry {
  readonly path: string;
  readonly reason: 'leads_out' | 'special_file' | 'name_not_utf8';
}

export type WorkspaceRefusal = 'too_large' | 'too_many_entries' | 'unsafe_name' | 'malformed' | 'corrupt' | 'conflict';

/** A workspace, or a change to one, that is not accepted as a whole. The stored workspace is as it was. */
export class WorkspaceRefusedError extends Error {
  override readonly name = 'WorkspaceRefusedError';
  readonly code: WorkspaceRefusal;
  constructor(code: WorkspaceRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Names a workspace may hold, files, folders and links together; the tmpfs of a container has the same number of inodes. */
export const maxWorkspaceEntries = 65_536;

/**
 * Bytes of all names and link targets together. A short name in a deep folder has a long path, of which the kernel stores only the
 * end: without this, empty files would fill our memory and the disk past every quota.
 */
export const maxWorkspaceNameBytes = 8 * 1024 * 1024;

/** What a file occupies: tmpfs gives out pages, so a quota in plain bytes would accept what does not fit when filled again. */
export function occupiedBytes(size: number): number {
  return Math.ceil(size / 4096) * 4096;
}

/**
 * The path of an archive's entry as the manifest holds it; `''` is the root itself.
 * @throws WorkspaceRefusedError `unsafe_name` for an absolute path, `..`, a NUL, or a name too long for Linux.
 */
export function canonicalPath(name: string): string {
  if (name.startsWith('/') || name.includes('\0')) throw unsafe(name);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || parts.some((part) => Buffer.byteLength(part) > 255)) throw unsafe(name);
  const path = parts.join('/');
  if (Buffer.byteLength(path) > 4000) throw unsafe(name);
  return path;
}

function unsafe(name: string): WorkspaceRefusedError {
  return new WorkspaceRefusedError('unsafe_name', `a name that the workspace does not accept: ${JSON.stringify(name.slice(0, 200))}`);
}

/** Every folder above `path`, outermost first. */
export function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/**
 * Whether following the link at `path` leaves the workspace. Links are resolved one by one as the kernel does, because
 * a link to the root followed by `..` looks harmless by its letters alone. Where a name does not exist, the rest counts as folders.
 */
export function leadsOut(path: string, links: ReadonlyMap<string, string>): boolean {
  const target = links.get(path);
  if (target === undefined) return false;
  const at = path.split('/').slice(0, -1);
  const ahead = pushTarget([], target);
  let followed = 0;
  if (target.startsWith('/')) return true;
  while (ahead.length > 0) {
    const part = ahead.pop();
    if (part === undefined) break;
    if (part === '..') {
      if (at.length === 0) return true;
      at.pop();
      continue;
    }
    at.push(part);
    const next = links.get(at.join('/'));
    if (next === undefined) continue;
    if (next.startsWith('/')) return true;
    if (++followed > 40) return false; // a loop: the kernel gives up here as well
    at.pop();
    pushTarget(ahead, next);
  }
  return false;
}

/** Puts a link's target in front of what is still to be walked; `ahead` is a stack, its next name last. */
function pushTarget(ahead: string[], target: string): string[] {
  ahead.push(...target.split('/').filter((part) => part !== '' && part !== '.').toReversed());
  return ahead;
}

/** The revision of a workspace that holds nothing. */
export const emptyRevision = revisionOf([]);

/**
 * SHA-256, in hex, over the sorted list of (path, type, mode, content hash or link target). Times and owners are not
 * part of it: the same content has the same revision, wherever and whenever it was made.
 */
export function revisionOf(entries: Iterable<ArchiveEntry>): string {
  const hash = createHash('sha256').update('megabot-workspace-v1\n');
  const sorted = [...entries].sort((one, other) => (one.path < other.path ? -1 : 1));
  for (const entry of sorted) hash.update(`${JSON.stringify(manifestLine(entry))}\n`);
  return hash.digest('hex');
}

function manifestLine(entry: ArchiveEntry): readonly (string | number)[] {
  switch (entry.type) {
    case 'file':
      return [entry.path, 'file', entry.mode, entry.sha256];
    case 'directory':
      return [entry.path, 'directory', entry.mode];
    case 'symlink':
      return [entry.path, 'symlink', entry.target];
  }
}
