import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Secrets of an installation, each in a file of its own with mode 0600, in a folder with mode 0700. */
export interface SecretFiles {
  /** The value of `name`, made and stored first if it is not there. */
  ensure(name: string, make: () => string): Promise<string>;
  /** Stores a value that follows from others, where it is not stored so already. */
  derive(name: string, value: string): Promise<void>;
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
  return {
    made,
    async ensure(name, make) {
      const present = await readIfPresent(join(directory, name));
      if (present !== undefined) return present;
      const value = make();
      await store(name, value);
      return value;
    },
    async derive(name, value) {
      if ((await readIfPresent(join(directory, name))) !== value) await store(name, value);
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
