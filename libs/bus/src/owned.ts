import type { Stoppable } from './port.ts';

/** What a bus handle has started; stopped once each, by its holder or with the bus. */
export interface Owned {
  own(stoppable: Stoppable): Stoppable;
  stopAll(): Promise<void>;
}

export function createOwned(): Owned {
  const open = new Set<Stoppable>();
  return {
    own(stoppable) {
      let stopping: Promise<void> | undefined;
      const owned: Stoppable = {
        async stop() {
          stopping ??= stoppable.stop().finally(() => open.delete(owned));
          await stopping;
        },
      };
      open.add(owned);
      return owned;
    },
    async stopAll() {
      await Promise.all([...open].map((stoppable) => stoppable.stop()));
    },
  };
}
