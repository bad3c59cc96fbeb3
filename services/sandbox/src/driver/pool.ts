import { backoffDelay } from '@megabot/lifecycle/backoff.ts';
import { Stopped } from './deadline.ts';
import { idleTargets } from './pool-size.ts';

/** What waits in the pool: started, used by nobody yet. */
export interface PooledBox {
  /** Settles when the container has ended or its connection broke: it is of no use any more. Never rejects. */
  readonly ended: Promise<void>;
  /** By the clock of `PoolDeps`: past this it is too old to begin a run. */
  readonly freshUntil: number;
}

export interface PoolOptions {
  /** Boxes that wait for the kind of run that was asked for last, and for all kinds together. `max` 0: no pool. */
  readonly min: number;
  readonly max: number;
  /** Boxes made at a time for runs that wait for one. */
  readonly building?: number;
  /** A pool that was drawn from is filled up this much later, so that the run it was drawn for comes first. */
  readonly refillDelayMs?: number;
}

export interface PoolDeps<Kind, Box> {
  build(kind: Kind): Promise<Box>;
  /** Removes a box; must not throw. */
  discard(box: Box): void;
  /** Memory of the machine that is free, in bytes. */
  freeBytes(): number;
  /** Milliseconds by a clock that nobody sets. */
  clock(): number;
  onBuildFailed(error: unknown): void;
}

export interface Pool<Kind, Box> {
  /**
   * A box for exactly one run: a waiting one, or else a new one. It is the caller's, to be removed, and never comes back.
   * @throws Stopped when the signal aborts, or what building failed with.
   */
  take(kind: Kind, signal: AbortSignal): Promise<{ readonly box: Box; readonly warm: boolean }>;
  /** The run that took a box of this kind has ended. */
  done(kind: Kind): void;
  /** Makes the pool ready for a kind before the first run asks for it. */
  expect(kind: Kind): void;
  /** To be called every few seconds: removes what is too old, too many or of no `wanted` kind, and makes what is missing. */
  tend(wanted: (kind: Kind) => boolean): void;
  readonly idle: number;
  close(): Promise<void>;
}

interface Shelf<Kind, Box> {
  readonly kind: Kind;
  readonly idle: Box[];
  readonly waiting: { give(box: Box): void; fail(error: unknown): void }[];
  building: number;
  inUse: number;
  /** When the last runs came. */
  readonly takenAt: number[];
  /** Most runs at once or in short succession, of this minute and of the one before. */
  peak: number;
  earlierPeak: number;
  lastUsedAt: number;
  failures: number;
  notBefore: number;
}

const peakWindowMs = 60_000;
/** Runs that come closer together than containers are made are as good as runs at once. */
const successionMs = 15_000;
const refillsAtOnce = 2;

/** Boxes made ahead of the runs that will use them, each for one run. */
export function createPool<Kind extends object, Box extends PooledBox>(options: PoolOptions, deps: PoolDeps<Kind, Box>): Pool<Kind, Box> {
  const shelves = new Map<string, Shelf<Kind, Box>>();
  const builds = new Set<Promise<void>>();
  let closed = false;
  let refill: NodeJS.Timeout | undefined;
  let windowSince = deps.clock();

  const shelfOf = (kind: Kind): Shelf<Kind, Box> => {
    const name = JSON.stringify(Object.entries(kind).sort(([one], [other]) => (one < other ? -1 : 1)));
    const there = shelves.get(name);
    if (there) return there;
    const shelf = { kind, idle: [], waiting: [], takenAt: [], building: 0, inUse: 0, peak: 0, earlierPeak: 0, lastUsedAt: deps.clock(), failures: 0, notBefore: 0 };
    shelves.set(name, shelf);
    return shelf;
  };

  const targets = (): ReadonlyMap<Shelf<Kind, Box>, number> =>
    idleTargets([...shelves.values()], { min: options.min, max: options.max, freeBytes: deps.freeBytes(), now: deps.clock() });

  /** Builds what is missing: for runs that wait as many at a time as may be; ahead of runs a few, while none waits. */
  const build = (): void => {
    if (closed) return;
    for (const shelf of shelves.values()) {
      while (shelf.waiting.length > shelf.building && builds.size < (options.building ?? 8)) start(shelf);
    }
    if (someWait()) return;
    for (const [shelf, target] of targets()) {
      while (shelf.idle.length + shelf.building < target && builds.size < refillsAtOnce && deps.clock() >= shelf.notBefore) start(shelf);
    }
  };

  const inSuccession = (shelf: Shelf<Kind, Box>): number => {
    const now = deps.clock();
    shelf.takenAt.push(now);
    while (shelf.takenAt.length > options.max || now - (shelf.takenAt[0] ?? now) > successionMs) shelf.takenAt.shift();
    return shelf.takenAt.length;
  };

  const someWait = (): boolean => [...shelves.values()].some((shelf) => shelf.waiting.length > 0);

  const start = (shelf: Shelf<Kind, Box>): void => {
    shelf.building++;
    const work = deps.build(shelf.kind).then(
      (box) => {
        shelf.failures = 0;
        shelve(shelf, box);
      },
      (error: unknown) => {
        shelf.failures++;
        shelf.notBefore = deps.clock() + backoffDelay(shelf.failures, { minMs: 500, maxMs: 30_000 });
        deps.onBuildFailed(error);
        shelf.waiting.shift()?.fail(error);
      },
    );
    const ended = work.finally(() => {
      shelf.building--;
      builds.delete(ended);
      if (someWait()) build();
      else refillSoon();
    });
    builds.add(ended);
  };

  const shelve = (shelf: Shelf<Kind, Box>, box: Box): void => {
    if (closed) return deps.discard(box);
    const waiting = shelf.waiting.shift();
    if (waiting) return waiting.give(box);
    shelf.idle.push(box);
    void box.ended.then(() => {
      if (drop(shelf, box)) refillSoon();
    });
  };

  const drop = (shelf: Shelf<Kind, Box>, box: Box): boolean => {
    const at = shelf.idle.indexOf(box);
    if (at < 0) return false;
    shelf.idle.splice(at, 1);
    deps.discard(box);
    return true;
  };

  const refillSoon = (): void => {
    refill ??= setTimeout(() => {
      refill = undefined;
      build();
    }, options.refillDelayMs ?? 150).unref();
  };

  const wait = async (shelf: Shelf<Kind, Box>, signal: AbortSignal): Promise<Box> =>
    await new Promise<Box>((resolve, reject) => {
      const leave = (): void => {
        signal.removeEventListener('abort', onAbort);
        const at = shelf.waiting.indexOf(place);
        if (at >= 0) shelf.waiting.splice(at, 1);
      };
      const place = {
        give: (box: Box) => (leave(), resolve(box)),
        fail: (error: unknown) => (leave(), reject(error instanceof Error ? error : new Error(String(error)))),
      };
      const onAbort = (): void => place.fail(new Stopped());
      signal.addEventListener('abort', onAbort, { once: true });
      shelf.waiting.push(place);
      build();
    });

  return {
    async take(kind, signal) {
      if (closed || signal.aborted) throw new Stopped();
      const shelf = shelfOf(kind);
      shelf.lastUsedAt = deps.clock();
      shelf.inUse++;
      shelf.peak = Math.max(shelf.peak, shelf.inUse, inSuccession(shelf));
      for (let box = shelf.idle.shift(); box; box = shelf.idle.shift()) {
        refillSoon();
        if (box.freshUntil > deps.clock()) return { box, warm: true };
        deps.discard(box);
      }
      try {
        return { box: await wait(shelf, signal), warm: false };
      } catch (error) {
        shelf.inUse--;
        throw error;
      }
    },
    done(kind) {
      shelfOf(kind).inUse--;
      refillSoon();
    },
    expect(kind) {
      shelfOf(kind);
      build();
    },
    tend(wanted) {
      const now = deps.clock();
      if (now - windowSince > peakWindowMs) {
        windowSince = now;
        for (const shelf of shelves.values()) [shelf.earlierPeak, shelf.peak] = [shelf.peak, shelf.inUse];
      }
      const sizes = targets();
      for (const [name, shelf] of shelves) {
        const unwanted = !wanted(shelf.kind);
        const target = unwanted ? 0 : (sizes.get(shelf) ?? 0);
        for (const box of shelf.idle.filter((one, place) => one.freshUntil <= now || place >= target)) drop(shelf, box);
        if (unwanted && shelf.inUse + shelf.building + shelf.waiting.length === 0) shelves.delete(name);
      }
      build();
    },
    get idle() {
      return [...shelves.values()].reduce((total, shelf) => total + shelf.idle.length, 0);
    },
    async close() {
      closed = true;
      clearTimeout(refill);
      for (const shelf of shelves.values()) {
        for (const place of shelf.waiting.slice()) place.fail(new Stopped());
        for (const box of shelf.idle.slice()) drop(shelf, box);
      }
      await Promise.allSettled(builds);
    },
  };
}
