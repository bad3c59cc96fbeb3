import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Secrets of an installation, each in a file of its own with mode 0600, in a folder with mode 0700. */
export interface SecretFiles {
  /** The value of `name`, made and stored first if it is not there. */
  ensure(name: string, make: () => string): Promise<string>;
  /** Stores a value that follows from others, where it is not stored so already. */
  derive(name: string, value: string): Promise<void>;
  /** The same; what is replaced is kept in the file `earlier`, one a line, the oldest first. Resolves to what that file holds. */
  deriveKeeping(name: string, value: string, earlier: string): Promise<readonly string[]>;
  /** Names of the files that were written. */
  readonly made: readonly string[];
}

/** Values are never printed or logged: the files are their only place. */
export async function openSecretFiles(directory: string): Promise<SecretFiles> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const made: string[] = [];
  const store = async (name: string, value: string) => {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // A crash leaves the earlier file or the whole new one.
    await writeFile(`${path}.new`, `${value}\n`, { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
    made.push(name);
  };
  const read = async (name: string) => await readIfPresent(join(directory, name));
  const derive = async (name: string, value: string) => {
    if ((await read(name)) !== value) await store(name, value);
  };
  return {
    made,
    derive,
    async ensure(name, make) {
      const present = await read(name);
      if (present !== undefined) return present;
      const value = make();
      await store(name, value);
      return value;
    },
    async deriveKeeping(name, value, earlier) {
      const kept = ((await read(earlier)) ?? '').split('\n').filter((line) => line !== '');
      const before = await read(name);
      if (before !== undefined && before !== value && !kept.includes(before)) kept.push(before);
      // First what would be lost: after a crash in between it is found there, and not added again.
      await derive(earlier, kept.join('\n'));
      await derive(name, value);
      return kept;
    },
  };
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
