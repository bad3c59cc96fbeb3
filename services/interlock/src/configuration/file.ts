import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fchmodSync, fchownSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync, type Stats } from 'node:fs';
import path from 'node:path';
import { sleep } from '@megabot/lifecycle/backoff.ts';

/** The file as it was found: its text, or why there is none. */
export type FileReading = { readonly found: true; readonly text: string; readonly hash: string } | { readonly found: false; readonly missing: boolean; readonly problem: string; readonly hash: string };

export interface ConfigurationFile {
  readonly path: string;
  read(): FileReading;
  /**
   * Reads the file once it rests: many editors empty it before they write, and half a deny list must never be in force.
   * What is `known` already, by its hash, needs no second look.
   */
  readAtRest(known: string | null): Promise<FileReading>;
  /**
   * Puts `text` in the file's place, whole or not at all, if the file is still what `expected` says (its hash, or null if there
   * must be none). False, and nothing is done, if somebody else has changed it.
   */
  replace(text: string, expected: string | null): boolean;
}

const restMs = 60;
const maxLooks = 20;

export const fileName = 'meta-config.yaml';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
/** A file that holds `text`. */
export const readingOf = (text: string): FileReading => ({ found: true, text, hash: hashOf(text) });
const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown error');

export interface FileOptions {
  /** Called between writing the draft and looking a last time; for tests that change the file at the worst moment. */
  readonly beforeRename?: () => void;
}

/** `meta-config.yaml` in a folder. Everything is synchronous: between looking and renaming there is nothing to wait for. */
export function openConfigurationFile(folder: string, options: FileOptions = {}): ConfigurationFile {
  const file = path.join(folder, fileName);

  function read(): FileReading {
    try {
      return readingOf(readFileSync(file, 'utf8'));
    } catch (error) {
      const code = codeOf(error);
      const missing = code === 'ENOENT';
      const problem = missing ? `The file ${fileName} is missing.` : `The file ${fileName} cannot be read (${code}).`;
      return { found: false, missing, problem, hash: missing ? 'missing' : 'unreadable' };
    }
  }

  function isAs(expected: string | null): boolean {
    const now = read();
    return now.found ? now.hash === expected : now.missing && expected === null;
  }

  return {
    path: file,
    read,
    async readAtRest(known) {
      let reading = read();
      for (let look = 0; look < maxLooks && reading.hash !== known; look++) {
        await sleep(restMs);
        const next = read();
        if (next.hash === reading.hash) break;
        reading = next;
      }
      return reading;
    },
    replace(text, expected) {
      if (!isAs(expected)) return false;
      // A link stays a link: what it points at is replaced.
      const target = expected === null ? file : realpathSync(file);
      const draft = path.join(path.dirname(target), `.${fileName}.${randomUUID()}`);
      try {
        const handle = openSync(draft, 'wx', 0o600);
        try {
          writeFileSync(handle, text);
          if (expected !== null) keepRights(handle, statSync(target));
          fsyncSync(handle);
        } finally {
          closeSync(handle);
        }
        options.beforeRename?.();
        // Looked at again, since writing took its time: what was edited by hand meanwhile must not be lost.
        if (!isAs(expected)) return false;
        renameSync(draft, target);
      } finally {
        rmSync(draft, { force: true });
      }
      syncFolder(path.dirname(target));
      return true;
    },
  };
}

/** The new file belongs to whom the old one belonged to, as far as this process may give it away, and is open to no more people. */
function keepRights(handle: number, { uid, gid, mode }: Stats): void {
  try {
    fchownSync(handle, uid, gid);
  } catch {
    // Another's file in our folder, which we may not give back to them: a lockdown must not fail over whose it is.
  }
  fchmodSync(handle, mode & 0o777);
}

/** Without this the rename itself might not survive a power cut. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
