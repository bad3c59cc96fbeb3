import { createContext, use } from 'react';
import type { Controller } from '../state/controller.ts';
import type { Preferences } from '../state/keep.ts';
import type { State } from '../state/state.ts';

export interface AppValue {
  readonly state: State;
  readonly controller: Controller;
  readonly preferences: Preferences;
  readonly setPreferences: (preferences: Preferences) => void;
}

export const AppContext = createContext<AppValue | null>(null);

/** What every view may use. @throws outside of the app. */
export function useApp(): AppValue {
  const value = use(AppContext);
  if (!value) throw new Error('a view stands outside of the app');
  return value;
}
