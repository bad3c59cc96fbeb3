import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

/** `meta-config.yaml` in a folder. Everything is synchronous: between looking and renaming there is nothing to wait for. */
export function openConfigurationFile(folder: string): ConfigurationFile {
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
      const draft = path.join(folder, `.${fileName}.${randomUUID()}`);
      try {
        const handle = openSync(draft, 'wx', 0o600);
        try {
          writeFileSync(handle, text);
          fsyncSync(handle);
        } finally {
          closeSync(handle);
        }
        // Looked at again, since writing took its time: what was edited by hand meanwhile must not be lost.
        if (!isAs(expected)) return false;
        renameSync(draft, file);
      } finally {
        rmSync(draft, { force: true });
      }
      syncFolder(folder);
      return true;
    },
  };
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
