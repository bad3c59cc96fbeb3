import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Files that belong to the project: tracked, or new and not ignored. */
export function projectFiles(): string[] {
  const { stdout } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  return stdout.split('\0').filter((path) => path !== '' && read(path) !== undefined);
}

export function read(path: string): string | undefined {
  try {
    return readFileSync(`${root}${path}`, 'utf8');
  } catch {
    return undefined;
  }
}

export const isTest = (path: string): boolean => /\.test\.ts$|-(compliance|suite)\.ts$|\/testing\/|^libs\/testing\/|^tests\/|^bench\//.test(path);
export const sources = (): string[] => projectFiles().filter((path) => /\.tsx?$/.test(path) && !isTest(path));
