import { useSyncExternalStore } from 'react';
import { reduce, type Change } from './reduce.ts';
import { emptyState, type State } from './state.ts';

export interface Store {
  get(): State;
  apply(change: Change): void;
  subscribe(listener: () => void): () => void;
}

/** Holds the state. Changes count at once; listeners hear of them once a frame, so that fast streams cost one render each. */
export function createStore(initial: Partial<State> = {}): Store {
  let state: State = { ...emptyState, ...initial };
  let told = true;
  const listeners = new Set<() => void>();
  const tell = () => {
    if (told) return;
    told = true;
    for (const listener of listeners) listener();
  };
  return {
    get: () => state,
    apply(change) {
      const next = reduce(state, change);
      if (next === state) return;
      state = next;
      if (!told) return;
      told = false;
      // A page in the background draws no frames, but its title still tells of pending approvals.
      if (document.hidden) setTimeout(tell, 100);
      else {
        requestAnimationFrame(tell);
        setTimeout(tell, 100);
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The state as a component sees it; it renders again after every change. */
export const useStore = (store: Store): State => useSyncExternalStore(store.subscribe, store.get);
