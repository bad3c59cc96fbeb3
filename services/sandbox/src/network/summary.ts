import type { EgressSummary } from '@megabot/contracts/egress.ts';

const maxShown = 8;

/** What a run did with its network, as a sentence for its result. */
export function networkSentence(summary: EgressSummary | null): string {
  if (summary === null) return 'The egress proxy ended while the command ran: from then on it had no network.';
  const reached = summary.hosts.filter((use) => use.connections > 0).map(({ host, connections, bytes }) => `${host} (${connections} ${connections === 1 ? 'connection' : 'connections'}, ${inUnits(bytes)})`);
  const refused = summary.hosts.filter((use) => use.refused > 0).map(({ host, refused }) => `${host} (${refused} times)`);
  const parts = [reached.length > 0 ? `It reached ${listed(reached)}` : 'It reached no host', ...(refused.length > 0 ? [`was refused ${listed(refused)}`] : [])];
  return `${parts.join(' and ')}.`;
}

const listed = (items: readonly string[]): string => (items.length <= maxShown ? items.join(', ') : `${items.slice(0, maxShown).join(', ')} and ${items.length - maxShown} more`);

function inUnits(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
