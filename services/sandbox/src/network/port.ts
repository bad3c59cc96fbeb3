import type { EgressRequest, EgressSummary } from '@megabot/contracts/egress.ts';

/** Where the network of a granted run comes from. */
export interface NetworkSource {
  /**
   * A network for one run alone. Never waits long: a source that is off, full or gone says so.
   * @throws NetworkRefused with a sentence for a person.
   */
  open(request: EgressRequest, signal: AbortSignal): Promise<RunNetwork>;
}

/** The network of one run, until `close`. */
export interface RunNetwork {
  /** What the run's container joins, by the engine's name for it. */
  readonly attachment: NetworkAttachment;
  /** Takes the network away and says what was done with it; null if the other side is gone. Never throws. */
  close(): Promise<EgressSummary | null>;
}

export interface NetworkAttachment {
  readonly network: string;
  /** For the action's command, besides its own environment: where the proxy is, with the run's token. */
  readonly env: Readonly<Record<string, string>>;
}

/** There is no network for this run; nothing was started. */
export class NetworkRefused extends Error {
  override readonly name = 'NetworkRefused';
}
