import { backoffDelay } from '@megabot/lifecycle/backoff.ts';
import type { Connection } from './connection.ts';
import { LinkFailure, temporary, type LinkProblem } from './failure.ts';

/**
 * `refused` is final: only a new configuration or `retry` leaves it. `waiting` knows when the next attempt is.
 */
export type LinkState =
  | { readonly name: 'off' }
  | { readonly name: 'connecting' }
  | { readonly name: 'connected'; readonly connection: Connection }
  | { readonly name: 'refused'; readonly problem: LinkProblem }
  | { readonly name: 'waiting'; readonly problem: LinkProblem; readonly nextTryAt: number };

export interface Link {
  readonly state: LinkState;
  /** Since when, in milliseconds of the clock. */
  readonly since: number;
  start(): void;
  /** Tries now: leaves `refused`, cuts `waiting` short, does nothing otherwise. */
  retry(): void;
  /** Ends the connection and all attempts; resolves when nothing is under way. */
  stop(): Promise<void>;
}

export interface LinkDeps {
  /** One attempt up to a connection that is of use. @throws LinkFailure */
  readonly dial: (signal: AbortSignal) => Promise<Connection>;
  readonly clock: () => number;
  readonly onState: (state: LinkState) => void;
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
  /** How long a connection must have lived to count as good, so that one cut right after its welcome is not redialled at once. */
  readonly steadyMs?: number;
}

/**
 * How long to wait after the n-th failure in a row, in milliseconds. A gateway that names a time is about to be ready: then the
 * waits stay near that time instead of doubling away from it, but never become a hammer.
 */
export function delayAfter({ retryAfterMs }: Pick<LinkProblem, 'retryAfterMs'>, failures: number, { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): number {
  if (retryAfterMs === undefined) return backoffDelay(failures, { minMs, maxMs });
  return Math.max(retryAfterMs, backoffDelay(failures, { minMs, maxMs: Math.min(maxMs, 4 * Math.max(minMs, retryAfterMs)) }));
}

/** Keeps one connection to OpenClaw, and knows when to stop trying. */
export function createLink(deps: LinkDeps): Link {
  const { clock, backoff = { minMs: 500, maxMs: 30_000 }, steadyMs = 30_000 } = deps;
  let state: LinkState = { name: 'off' };
  let since = clock();
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let controller = new AbortController();

  const enter = (next: LinkState): void => {
    state = next;
    since = clock();
    deps.onState(next);
  };

  const attempt = async (): Promise<LinkProblem> => {
    enter({ name: 'connecting' });
    try {
      const connection = await deps.dial(controller.signal);
      const connectedAt = clock();
      enter({ name: 'connected', connection });
      const { problem } = await connection.ended;
      if (clock() - connectedAt >= steadyMs) failures = 0;
      return problem;
    } catch (error) {
      return (error instanceof LinkFailure ? error : temporary('internal', 'The bridge failed inside MegaBot.', 'another attempt to go better; if none does, the gateway\'s log says why (make logs s=gateway)', { cause: error })).problem;
    }
  };

  const run = (): void => {
    clearTimeout(timer);
    if (running || controller.signal.aborted) return;
    running = attempt().then((problem) => {
      running = undefined;
      if (controller.signal.aborted) return enter({ name: 'off' });
      if (problem.final) return enter({ name: 'refused', problem });
      failures += 1;
      const delayMs = delayAfter(problem, failures, backoff);
      enter({ name: 'waiting', problem, nextTryAt: clock() + delayMs });
      timer = setTimeout(run, delayMs);
    });
  };

  return {
    get state() {
      return state;
    },
    get since() {
      return since;
    },
    start() {
      if (state.name !== 'off') return;
      controller = new AbortController();
      run();
    },
    retry() {
      if (state.name !== 'refused' && state.name !== 'waiting') return;
      failures = 0;
      run();
    },
    async stop() {
      controller.abort();
      clearTimeout(timer);
      await running;
      if (state.name !== 'off') enter({ name: 'off' });
    },
  };
}
