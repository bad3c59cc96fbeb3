import { setTimeout as wait } from 'node:timers/promises';

/**
 * Slows a reader down to a rate. What a command prints past its cap is counted, not kept: without a brake a flood costs
 * the engine and this service a processor each, which its neighbours need. The reading never stops, since an engine whose
 * client stops reading answers nothing more about that container.
 */
export function createPace(bytesPerSecond: number, stepBytes = 256 * 1024): (bytes: number) => Promise<void> {
  let since = 0;
  return async (bytes) => {
    since += bytes;
    if (since < stepBytes) return;
    await wait((since / bytesPerSecond) * 1_000);
    since = 0;
  };
}
