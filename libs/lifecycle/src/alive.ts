import { utimes, writeFile } from 'node:fs/promises';
import type { Lifecycle } from './lifecycle.ts';

/**
 * Touches `file` every two seconds while `check` resolves, so that a container's health check only has to look at the file's
 * age. A service that lost its bus or its database stops touching it and is seen as unhealthy.
 */
export async function reportAlive(lifecycle: Lifecycle, file: string, check: () => Promise<void>): Promise<void> {
  const touch = async () => {
    await check();
    const now = new Date();
    await utimes(file, now, now).catch(() => writeFile(file, '', { mode: 0o600 }));
  };
  await touch();
  lifecycle.every(2_000, 'alive', touch);
}
