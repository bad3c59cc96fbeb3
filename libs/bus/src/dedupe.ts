import { duplicateWindowMs } from '@megabot/contracts/consumers.ts';

/** Remembers ids for the duplicate window. `claim` answers whether the id is new, and remembers it. */
export function createDedupe(now: () => number = Date.now): { claim(id: string): boolean } {
  const until = new Map<string, number>();
  return {
    claim(id) {
      const time = now();
      // Insertion order is order of expiry, so the sweep stops at the first id that still counts.
      for (const [old, end] of until) {
        if (end > time) break;
        until.delete(old);
      }
      if (until.has(id)) return false;
      until.set(id, time + duplicateWindowMs);
      return true;
    },
  };
}
