import type { Logger } from '@megabot/observability/logger.ts';

export interface ConnectionRecord {
  readonly runId: string;
  readonly host: string;
  readonly port: number;
  /** Where it went; null where no connection was made. */
  readonly address: string | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly ms: number;
  /** How it ended, or why it was refused. */
  readonly reason: string;
}

/** What happens at the proxy, each as one function. Paths, headers and contents are never logged. */
export function createEvents(logger: Logger) {
  return {
    grantOpened: (runId: string, hosts: string, network: string) => logger.info({ runId, hosts, network }, 'a run was given network'),
    grantClosed: (runId: string, reason: string) => logger.info({ runId, reason }, "a run's network was taken away"),
    connectionEnded: (connection: ConnectionRecord) => logger.info({ ...connection, verdict: 'allowed' }, 'connection'),
    connectionRefused: (connection: Pick<ConnectionRecord, 'runId' | 'host' | 'port' | 'reason'>) => logger.warn({ ...connection, verdict: 'refused' }, 'connection refused'),
    strangerRefused: (network: string, reason: string) => logger.warn({ network, reason }, 'a request without a grant was refused'),
    controlFailed: (error: unknown) => logger.warn({ err: error }, 'a request for a grant could not be read'),
  };
}
export type Events = ReturnType<typeof createEvents>;
