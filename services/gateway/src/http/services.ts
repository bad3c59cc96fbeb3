import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Authentication, Proven } from '../authentication.ts';
import type { BridgeChannel } from '../channels/bridge/channel.ts';
import type { Health } from '../health.ts';
import type { Metrics } from '../metrics.ts';
import type { GatewayOptions } from '../options.ts';
import type { OriginGuard } from '../origin-guard.ts';
import type { TicketIssuer } from '../origin-ticket.ts';
import type { Sessions } from '../sessions.ts';
import type { Strangers } from '../strangers.ts';
import type { DoorServices } from '../socket/client-session.ts';

/** What the routes work with. */
export interface HttpServices extends DoorServices {
  readonly options: GatewayOptions;
  readonly tickets: TicketIssuer;
  readonly sessions: Sessions;
  readonly authentication: Authentication;
  readonly guard: OriginGuard;
  readonly strangers: Strangers;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Absent where no bridge is set up. */
  readonly bridges: { readonly openclaw?: BridgeChannel };
  /** Aborts when the gateway stops: waits end on it. */
  readonly signal: AbortSignal;
}

export type HttpApp = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, ZodTypeProvider>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a token or session. */
    open?: boolean;
  }
  interface FastifyRequest {
    /** Whom the request proved to be; null on open routes. */
    proven: Proven | null;
  }
}
