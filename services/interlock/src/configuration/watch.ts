import { watch, type FSWatcher } from 'node:fs';
import type { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { fileName } from './file.ts';

/**
 * Calls `read` soon after the file in `folder` changes, and once a second in any case: notifications do not pass every kind of
 * mount. The folder is watched, not the file, which an atomic edit replaces.
 */
export function watchConfiguration(folder: string, lifecycle: Lifecycle, logger: Logger, read: () => Promise<void>): void {
  let reading: Promise<void> | undefined;
  let again = false;
  const readOnce = (): Promise<void> => {
    if (reading) {
      again = true;
      return reading;
    }
    reading = read().finally(() => {
      reading = undefined;
      if (!again || lifecycle.signal.aborted) return;
      again = false;
      readOnce().catch(() => undefined);
    });
    return reading;
  };
  const failed = (error: unknown): void => logger.warn({ err: error }, 'the configuration could not be read; it is tried again each second');
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, (_event, name) => {
      if (name === null || name === fileName) readOnce().catch(failed);
    });
    watcher.on('error', (error) => logger.warn({ err: error }, 'the configuration folder cannot be watched; it is looked at each second'));
  } catch (error) {
    logger.warn({ err: error }, 'the configuration folder cannot be watched; it is looked at each second');
  }
  lifecycle.own('intake', 'configuration watcher', async () => {
    watcher?.close();
    await reading?.catch(() => undefined);
  });
  lifecycle.every(1_000, 'configuration', readOnce);
}
