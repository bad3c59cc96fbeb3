import type { Run } from '@megabot/contracts/run.ts';
import { neutralText } from '@megabot/contracts/neutral-text.ts';

const maxShown = 20;
const words = { added: 'new', changed: 'changed', removed: 'removed' } as const;

/** The files that a run changed, a line each; empty where it changed none. Names come from the command, so they are data. */
export function changedFileLines({ changedFiles }: Pick<Run, 'changedFiles'>): string[] {
  if (!changedFiles || changedFiles.total === 0) return [];
  const lines = changedFiles.files.slice(0, maxShown).map(({ path, size, change }) => `${neutralText(path).replaceAll(/\s/g, ' ').slice(0, 200)} (${words[change]}${change === 'removed' ? '' : `, ${size} bytes`})`);
  const more = changedFiles.total - lines.length;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}
