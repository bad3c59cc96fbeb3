/**
 * What a service owns, closed in the reverse order of its opening and in timed phases:
 * intake first (nothing new arrives), then work (what was begun is finished), then stores.
 */
export type Phase = 'intake' | 'work' | 'stores';

export interface LifecycleLogger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface Owned {
  readonly name: string;
  readonly close: () => Promise<void> | void;
}

const order: readonly Phase[] = ['intake', 'work', 'stores'];

export class Lifecycle implements AsyncDisposable {
  readonly #owned: Record<Phase, Owned[]> = { intake: [], work: [], stores: [] };
  readonly #controller = new AbortController();
  readonly #logger: LifecycleLogger;
  readonly #phaseMs: number;
  #closing: Promise<void> | undefined;

  /** `phaseMs` bounds each phase; a container's grace period must exceed three times that. */
  constructor(logger: LifecycleLogger, phaseMs = 5_000) {
    this.#logger = logger;
    this.#phaseMs = phaseMs;
  }

  /** Aborts as soon as shutdown begins: loops and waits end on it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  own(phase: Phase, name: string, close: Owned['close']): void {
    this.#owned[phase].push({ name, close });
  }

  /** Runs `work` every `ms` milliseconds, never twice at once, until shutdown; a failure is logged and the next turn tries again. */
  every(ms: number, name: string, work: () => Promise<void>): void {
    let running: Promise<void> = Promise.resolve();
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      running = work()
        .catch((error: unknown) => this.#logger.error({ err: error, task: name }, 'a periodic task failed'))
        .finally(() => (busy = false));
    }, ms);
    this.own('intake', name, async () => {
      clearInterval(timer);
      await running;
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#controller.abort();
    for (const phase of order) {
      const started = performance.now();
      for (const owned of this.#owned[phase].toReversed()) await this.#closeOne(phase, owned);
      this.#logger.info({ phase, ms: Math.round(performance.now() - started) }, 'shutdown phase done');
    }
  }

  async #closeOne(phase: Phase, owned: Owned): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.#phaseMs);
    });
    try {
      if ((await Promise.race([Promise.resolve(owned.close()), late])) === 'late') {
        this.#logger.error({ phase, name: owned.name }, 'did not close in time; going on without it');
      }
    } catch (error) {
      this.#logger.error({ phase, name: owned.name, err: error }, 'failed to close; going on without it');
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Resolves with the name of the first SIGTERM or SIGINT. */
export async function terminationSignal(): Promise<NodeJS.Signals> {
  return await new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
}
