import { setTimeout as delay } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import type { Bus } from '@megabot/bus/port.ts';
import { deriveFernetKey } from '@megabot/crypto/fernet.ts';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createAuthentication } from './authentication.ts';
import { createBridgeChannel, type BridgeChannel } from './channels/bridge/channel.ts';
import { keepSending } from './channels/bridge/sender.ts';
import { eventFrame } from './event-frames.ts';
import { createEventHub } from './event-hub.ts';
import { createGatewayEvents } from './events.ts';
import { createHealth, encryptionOffWarning } from './health.ts';
import { createHttpApp } from './http/app.ts';
import { createMessageIntake } from './messages.ts';
import { createMetrics } from './metrics.ts';
import { defaultLimits, type GatewayOptions } from './options.ts';
import { createOriginGuard } from './origin-guard.ts';
import { createTicketIssuer } from './origin-ticket.ts';
import { createSessions } from './sessions.ts';
import { createStrangers } from './strangers.ts';
import { createConnections } from './socket/connection.ts';
import { startNativeServer } from './socket/native-server.ts';
import { attachUiSocket } from './socket/ui-server.ts';

export interface Gateway extends AsyncDisposable {
  /** The ports it listens on. */
  readonly httpPort: number;
  readonly wsPort: number;
  /** Turns new clients away, tells the connected ones, and lets requests in hand finish. The bus stays open. */
  close(): Promise<void>;
}

/** Starts both doors. Resolves once they take connections; fails where a port is taken or the bus does not answer. */
export async function createGateway(options: GatewayOptions, deps: { bus: Bus; logger: Logger; clock?: () => number }): Promise<Gateway> {
  const { bus, logger, clock = Date.now } = deps;
  const limits = { ...defaultLimits, ...options.limits };
  const lifecycle = new Lifecycle(logger);
  const metrics = createMetrics();
  const events = createGatewayEvents(logger, metrics);
  const { signal } = lifecycle;

  try {
    const key = options.wsPassword === '' ? undefined : await deriveFernetKey(options.wsPassword, Buffer.from(options.wsSalt, 'base64url'));
    if (!key) logger.warn({}, encryptionOffWarning);

    const hub = await createEventHub(bus, {
      signal,
      clock,
      onEvent: (envelope) => {
        const frame = eventFrame(envelope);
        if (frame) events.eventForwarded(frame.type);
      },
    });
    lifecycle.own('work', 'events', () => hub.stop());
    const tickets = createTicketIssuer(options.originSeed, clock);
    const bridges: { openclaw?: BridgeChannel } = {};
    const health = createHealth(options, { bus, clock, bridge: () => bridges.openclaw?.status() });
    const messages = createMessageIntake({ bus, tickets, events, health });
    if (options.openclaw && options.openclaw.url !== '') {
      const channel = createBridgeChannel(
        // The key that signs origins is the installation's own secret here; what is derived from it for the bridge opens nothing else.
        { ...options.openclaw, sending: options.sending, stateSecret: options.originSeed, version: options.version, uiOrigin: options.publicOrigins[0] ?? `http://localhost:${options.publishedPorts.ui}` },
        { bus, hub, intake: messages, logger, clock },
      );
      bridges.openclaw = channel;
      lifecycle.own('intake', 'openclaw', () => channel.close());
    } else if (options.sending) {
      // Nobody would take such a run otherwise, and it would be given up after minutes without a word of why.
      lifecycle.own('work', 'sending', keepSending(options.sending, { bus, logger, clock }));
    }
    const door = { bus, hub, messages, events, limits, clock };
    const connections = createConnections(door);
    hub.onNewEpoch(() => connections.closeAll('shutting_down'));

    const sessions = createSessions(bus, { sessionMs: limits.sessionMs, cacheMs: limits.sessionCacheMs, clock });
    lifecycle.own('work', 'sessions', () => sessions.stop());
    const authentication = createAuthentication({ token: options.token, failureDelayMs: limits.failureDelayMs, failuresPerMinute: limits.failuresPerMinute, clock }, { sessions, events });

    // The ports are known once both doors listen; until then nothing is asked.
    const ports = { http: options.publishedPorts.http ?? options.httpPort, ws: options.publishedPorts.ws ?? options.wsPort };
    const httpPorts = (): readonly number[] => [ports.http, options.publishedPorts.ui];
    const guard = createOriginGuard({ hostPorts: httpPorts, originPorts: httpPorts, publicOrigins: options.publicOrigins });
    const nativeGuard = createOriginGuard({ hostPorts: () => [ports.ws], originPorts: httpPorts, publicOrigins: options.publicOrigins });

    const strangers = createStrangers(limits.maxStrangers);
    const app = await createHttpApp({ ...door, options, tickets, sessions, authentication, guard, strangers, metrics, health, bridges, signal });
    const native = await startNativeServer(
      { listen: options.listen, port: options.wsPort, limits, handshake: { version: options.version, token: options.token, key, salt: options.wsSalt, clock } },
      { connections, guard: nativeGuard, events },
    );
    lifecycle.own('intake', 'native socket', () => native.close());
    const ui = attachUiSocket(app.server, { authentication, connections, guard, sessions, strangers, events });
    lifecycle.own('intake', 'http', async () => {
      ui.close();
      await app.close();
    });
    lifecycle.own('intake', 'clients', async () => {
      connections.closeAll('shutting_down');
      if (connections.size > 0) await delay(50);
    });
    await app.listen({ port: options.httpPort, host: options.listen });
    const httpPort = (app.server.address() as AddressInfo).port;
    ports.http = options.publishedPorts.http ?? httpPort;
    ports.ws = options.publishedPorts.ws ?? native.port;

    metrics.gauge('megabot_gateway_connections', () => connections.size);
    metrics.gauge('megabot_gateway_unauthenticated_connections', () => native.unauthenticated);
    metrics.gauge('megabot_gateway_event_seq', () => hub.lastSeq);
    metrics.gauge('megabot_gateway_bus_connected', () => (bus.connected ? 1 : 0));
    logger.info({ httpPort, wsPort: native.port, encrypted: key !== undefined, epoch: hub.epoch, lastSeq: hub.lastSeq }, 'the gateway takes connections');
    return { httpPort, wsPort: native.port, close: () => lifecycle.close(), [Symbol.asyncDispose]: () => lifecycle.close() };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}
