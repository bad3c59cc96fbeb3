import type { Channel } from '@megabot/contracts/principal.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { PublicCode } from './error-table.ts';
import type { Metrics } from './metrics.ts';

/** What happens at the door, each as one function that counts and logs. Texts, secrets and proofs never appear. */
export type GatewayEvents = ReturnType<typeof createGatewayEvents>;

export function createGatewayEvents(logger: Logger, metrics: Metrics) {
  return {
    connectionOpened(connection: string, channel: Channel, client: string): void {
      metrics.count('megabot_gateway_connections_total', channel);
      logger.info({ connection, channel, client }, 'a client connected');
    },
    connectionClosed(connection: string, channel: Channel, closeCode: number): void {
      logger.info({ connection, channel, closeCode }, 'a client disconnected');
    },
    /** A connection or request that was turned away. */
    refused(code: PublicCode, from: string, door: Channel): void {
      metrics.count('megabot_gateway_refused_total', code);
      logger.warn({ reason: code, from, door }, 'turned away');
    },
    /** One frame of a connection that stays. */
    frameRefused(code: PublicCode, connection: string): void {
      metrics.count('megabot_gateway_refused_total', code);
      logger.debug({ reason: code, connection }, 'a frame was refused');
    },
    messageAccepted(kind: 'chat' | 'run' | 'command', turnId: string, channel: Channel, duplicate: boolean): void {
      metrics.count('megabot_gateway_messages_total', kind);
      logger.info({ kind, turnId, channel, duplicate }, 'a message was stored');
    },
    decided(decision: string, approvalId: string, channel: Channel): void {
      metrics.count('megabot_gateway_decisions_total', decision);
      logger.info({ decision, approvalId, channel }, 'an approval was decided');
    },
    sessionOpened(by: 'token' | 'code'): void {
      logger.info({ by }, 'a session was opened');
    },
    eventForwarded(type: string): void {
      metrics.count('megabot_gateway_events_total', type);
    },
    requestAnswered(status: number): void {
      metrics.count('megabot_gateway_http_requests_total', String(status));
    },
    failed(code: PublicCode, error: unknown, doing: string): void {
      metrics.count('megabot_gateway_failures_total', code);
      logger.error({ err: error, reason: code, doing }, 'a request failed inside MegaBot');
    },
  };
}
