/** Bounds what a peer may make us read: frames and bytes, each a burst that refills evenly. Without it one hostile connection takes the process's time from everybody. */
export interface FloodGuard {
  /** Whether a frame of `bytes` is still within bounds. */
  take(bytes: number): boolean;
}

export interface FloodLimits {
  readonly framesPerSecond: number;
  readonly frameBurst: number;
  readonly bytesPerSecond: number;
  readonly byteBurst: number;
}

/** `clock` gives milliseconds. */
export function createFloodGuard(limits: FloodLimits, clock: () => number): FloodGuard {
  let frames = limits.frameBurst;
  let bytes = limits.byteBurst;
  let at = clock();
  return {
    take(size) {
      const now = clock();
      const seconds = Math.max(0, now - at) / 1_000;
      at = now;
      frames = Math.min(limits.frameBurst, frames + seconds * limits.framesPerSecond) - 1;
      bytes = Math.min(limits.byteBurst, bytes + seconds * limits.bytesPerSecond) - size;
      return frames >= 0 && bytes >= 0;
    },
  };
}
