import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, realpathSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';

/** The directory is in use by a live process. */
export class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError';
  readonly pid: number;
  readonly lockFile: string;
  constructor(pid: number, lockFile: string) {
    super(`the data directory is in use by process ${pid}; stop that one first (or, if it is no MegaBot, remove ${lockFile})`);
    this.pid = pid;
    this.lockFile = lockFile;
  }
}

interface Holder {
  readonly pid: number;
  /** Clock ticks from boot to the process's start, and the boot's id: together they tell a reused pid. Absent without /proc. */
  readonly started?: string | undefined;
  readonly boot?: string | undefined;
}

/**
 * Takes the lock file `<directory>.lock` beside the directory (which is made if absent), for this process. A lock whose
 * holder is gone, or whose pid now belongs to another process, is taken over.
 * @returns a function that gives the lock back.
 * @throws DirectoryLockedError naming the pid of a live holder, this process included.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lockFile = `${realpathSync(directory)}.lock`;
  const content = JSON.stringify(holderOf(process.pid));
  for (;;) {
    if (createWhole(lockFile, content)) return () => release(lockFile, content);
    const found = readIfThere(lockFile);
    if (found === undefined) continue;
    const holder = parseHolder(found);
    if (holder && isAlive(holder)) throw new DirectoryLockedError(holder.pid, lockFile);
    moveAside(lockFile, found);
  }
}

/** Creates the file with its content in one step, so that nobody reads an empty lock. False if it exists. */
function createWhole(lockFile: string, content: string): boolean {
  const draft = `${lockFile}.${process.pid}.${randomUUID()}`;
  writeFileSync(draft, content, { mode: 0o600 });
  try {
    linkSync(draft, lockFile);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** Removes a stale lock, but not one that another process has put in its place since it was read. */
function moveAside(lockFile: string, stale: string): void {
  const aside = `${lockFile}.${process.pid}.${randomUUID()}`;
  try {
    renameSync(lockFile, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') !== stale) {
    try {
      linkSync(aside, lockFile);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
  unlinkSync(aside);
}

function release(lockFile: string, content: string): void {
  if (readIfThere(lockFile) === content) unlinkSync(lockFile);
}

function holderOf(pid: number): Holder {
  return { pid, started: startOf(pid), boot: readIfThere('/proc/sys/kernel/random/boot_id')?.trim() };
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || !Number.isSafeInteger(value.pid)) return undefined;
    const { pid, started, boot } = value as { pid: number; started?: unknown; boot?: unknown };
    return { pid, started: typeof started === 'string' ? started : undefined, boot: typeof boot === 'string' ? boot : undefined };
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (!hasCode(error, 'EPERM')) return false;
  }
  const now = holderOf(holder.pid);
  if (holder.boot !== undefined && now.boot !== undefined && holder.boot !== now.boot) return false;
  return holder.started === undefined || now.started === undefined || holder.started === now.started;
}

/** Field 22 of /proc/<pid>/stat (proc(5)); the second field, the command, may hold spaces and parentheses. */
function startOf(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
