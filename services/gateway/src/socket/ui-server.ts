import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Authentication, Proven } from '../authentication.ts';
import { publicFailure, type PublicCode } from '../error-table.ts';
import type { GatewayEvents } from '../events.ts';
import { maxFrameBytes } from '../options.ts';
import type { OriginGuard } from '../origin-guard.ts';
import type { Sessions } from '../sessions.ts';
import type { Strangers } from '../strangers.ts';
import { clearCodec, type Connections } from './connection.ts';
import { refuseUpgrade } from './native-server.ts';

/**
 * The UI's socket, `/ws` of the HTTP port: the cookie says who it is, and the Origin that the page is ours. The frames are
 * those of the native protocol from `welcome` on, in clear.
 */
export function attachUiSocket(server: Server, deps: { authentication: Authentication; connections: Connections; guard: OriginGuard; sessions: Sessions; strangers: Strangers; events: GatewayEvents }): { close(): void } {
  const { authentication, connections, guard, sessions, strangers, events } = deps;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes, perMessageDeflate: false, maxFragments: 1_024, maxBufferedChunks: 8_192 });

  const prove = async (request: IncomingMessage): Promise<Proven | PublicCode> => {
    if (!guard.hostAllowed(request.headers.host)) return 'foreign_host';
    if ((request.url ?? '').split('?')[0] !== '/ws') return 'not_found';
    if (request.headers.origin === undefined || !guard.originAllowed(request.headers.origin)) return 'foreign_origin';
    try {
      return (await authentication.proveCookie(request.headers.cookie)) ?? 'unauthenticated';
    } catch (error) {
      return publicFailure(error).code;
    }
  };

  const accept = async (request: IncomingMessage, raw: Duplex, head: Buffer): Promise<void> => {
    raw.on('error', () => raw.destroy());
    const proven = await prove(request);
    if (typeof proven === 'string') {
      events.refused(proven, request.socket.remoteAddress ?? 'unknown', 'ui');
      return refuseUpgrade(raw, proven);
    }
    strangers.proven(raw);
    sockets.handleUpgrade(request, raw, head, (socket) => {
      socket.on('error', () => {
        // The library has closed it already, with the code that says why.
      });
      const outbox = connections.open(socket, { actor: proven.actor, codec: clearCodec, client: 'ui' });
      if (proven.sessionSecret !== undefined) {
        const unwatch = sessions.watch(proven.sessionSecret, () => outbox.close('session_invalid'));
        socket.once('close', unwatch);
      }
    });
  };

  server.on('upgrade', (request: IncomingMessage, raw: Duplex, head: Buffer) => {
    void accept(request, raw, head);
  });
  return {
    close() {
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}
