/** Work in hand: what a shutdown waits for, and what it aborts when waiting is over. */
export interface Inflight {
  readonly size: number;
  /** Runs `work` with a signal of its own, and counts it until it settles. */
  run<T>(work: (controller: AbortController) => Promise<T>): Promise<T>;
  /** Resolves when nothing is in hand; after `ms` whatever is left is aborted and gets a short while more. */
  drain(ms: number): Promise<void>;
  abort(): void;
}

const afterAbortMs = 500;

export function createInflight(): Inflight {
  const controllers = new Set<AbortController>();
  let waiting: (() => void)[] = [];

  const idle = async (ms: number): Promise<void> => {
    if (controllers.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  };
  const abort = (): void => {
    for (const controller of controllers) controller.abort();
  };

  return {
    get size() {
      return controllers.size;
    },
    async run(work) {
      const controller = new AbortController();
      controllers.add(controller);
      try {
        return await work(controller);
      } finally {
        controllers.delete(controller);
        if (controllers.size === 0) {
          for (const wake of waiting) wake();
          waiting = [];
        }
      }
    },
    async drain(ms) {
      await idle(ms);
      if (controllers.size === 0) return;
      abort();
      await idle(afterAbortMs);
    },
    abort,
  };
}
