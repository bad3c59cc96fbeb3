import { createServer, type Server, type Socket } from 'node:net';
import { egressGoodbye, EgressRequest, type EgressReply, type EgressSummary } from '@megabot/contracts/egress.ts';
import type { Events } from './events.ts';
import type { Grants, OpenGrant, Slot } from './grants.ts';

/** A request has 32 hosts of 253 characters at most. */
const maxRequestBytes = 16_384;
const requestMs = 5_000;

/**
 * Where the sandbox asks for network for a run. It listens on a Unix socket in a volume that the two of them alone mount, so
 * whoever gets here is the sandbox. The connection is the lease: when it ends, for whatever reason, so does the grant.
 */
export function createControl(grants: Grants, portOf: (slot: Slot) => number, events: Events): Server {
  return createServer({ allowHalfOpen: true }, (socket) => {
    let open: OpenGrant | undefined;
    let text = '';
    const say = (message: EgressReply | EgressSummary): void => void socket.write(`${JSON.stringify(message)}\n`);
    const close = (reason: 'ended' | 'lost'): void => {
      clearTimeout(timer);
      open?.close(reason);
      if (open) events.grantClosed(open.grant.runId, reason);
      open = undefined;
    };
    const timer = setTimeout(() => socket.destroy(), requestMs);

    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > maxRequestBytes) return void socket.destroy();
      if (open || !text.includes('\n')) return;
      clearTimeout(timer);
      const request = parseRequest(text, events);
      open = request === undefined ? undefined : grants.open(request);
      if (!open) {
        say({ ok: false, reason: request === undefined ? 'bad_request' : 'busy' });
        return void socket.end();
      }
      const { grant, token } = open;
      events.grantOpened(grant.runId, grant.hosts, grant.slot.network);
      say({ ok: true, token, network: grant.slot.network, address: grant.slot.address, port: portOf(grant.slot) });
    });
    socket.on('end', () => {
      const grant = open?.grant;
      close(text.endsWith(`\n${egressGoodbye}`) ? 'ended' : 'lost');
      // After the close, so that what the run still had open is counted too.
      if (grant) say({ hosts: [...grant.summary] });
      socket.end();
    });
    socket.on('error', (error) => events.controlFailed(error));
    socket.on('close', () => close('lost'));
  });
}

function parseRequest(text: string, events: Events): EgressRequest | undefined {
  try {
    return EgressRequest.parse(JSON.parse(text.slice(0, text.indexOf('\n'))));
  } catch (error) {
    events.controlFailed(error);
    return undefined;
  }
}

/** Ends the server and what is connected to it. */
export async function closeServer(server: Server, sockets: Iterable<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets) socket.destroy();
  await closed;
}
