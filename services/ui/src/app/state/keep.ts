import type { Outgoing } from './state.ts';

// What a person typed outlives a reload, in this tab only: it may be private, so it is not kept beyond the tab.
const outboxKey = 'megabot.outbox';
const draftKey = (conversation: string) => `megabot.draft.${conversation}`;

export function keepOutbox(outbox: readonly Outgoing[]): void {
  write(sessionStorage, outboxKey, outbox.length === 0 ? null : JSON.stringify(outbox));
}
export function keptOutbox(): readonly Outgoing[] {
  try {
    const kept: unknown = JSON.parse(read(sessionStorage, outboxKey) ?? '[]');
    return Array.isArray(kept) ? (kept as Outgoing[]) : [];
  } catch {
    return [];
  }
}
export const keepDraft = (conversation: string, text: string): void => write(sessionStorage, draftKey(conversation), text === '' ? null : text);
export const keptDraft = (conversation: string): string => read(sessionStorage, draftKey(conversation)) ?? '';
export const forgetTyped = (): void => sessionStorage.clear();

export type Theme = 'system' | 'light' | 'dark';
export interface Preferences {
  readonly theme: Theme;
  readonly singleKeys: boolean;
}

export function keptPreferences(): Preferences {
  const theme = read(localStorage, 'megabot.theme');
  return { theme: theme === 'light' || theme === 'dark' ? theme : 'system', singleKeys: read(localStorage, 'megabot.single-keys') !== 'off' };
}
export function keepPreferences(preferences: Preferences): void {
  write(localStorage, 'megabot.theme', preferences.theme === 'system' ? null : preferences.theme);
  write(localStorage, 'megabot.single-keys', preferences.singleKeys ? null : 'off');
}

// A browser may refuse storage altogether; the app works without it.
function read(storage: Storage, key: string): string | null {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}
function write(storage: Storage, key: string, value: string | null): void {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, value);
  } catch {
    // Full or refused: what was typed lives as long as the page.
  }
}
