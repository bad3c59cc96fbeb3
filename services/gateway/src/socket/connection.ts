import { newId } from '@megabot/contracts/ids.ts';
import type { WelcomeFrame } from '@megabot/contracts/frames.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { RawData, WebSocket } from 'ws';
import type { PublicCode } from '../error-table.ts';
import { createClientSession, type DoorServices } from './client-session.ts';
import { startHeartbeat } from './heartbeat.ts';
import { createOutbox, type Outbox } from './outbox.ts';

/** How frames look on one wire: clear JSON, or Fernet tokens. */
export interface FrameCodec {
  encode(frame: object): string;
  /** @throws ClosingError where the connection has to end; SyntaxError where only this frame is bad. */
  decode(text: string): unknown;
}

export const clearCodec: FrameCodec = { encode: (frame) => JSON.stringify(frame), decode: (text) => JSON.parse(text) as unknown };

/** A frame after which the connection cannot go on. */
export class ClosingError extends Error {
  override readonly name = 'ClosingError';
  readonly code: PublicCode;
  constructor(code: PublicCode, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
  }
}

export interface Connections {
  readonly size: number;
  /** Runs an authenticated socket until it closes: `welcome` first, then frames. */
  open(socket: WebSocket, peer: { actor: Actor; codec: FrameCodec; client: string; proof?: string }): Outbox;
  closeAll(code: PublicCode): void;
}

/** The authenticated connections of all doors. */
export function createConnections(services: DoorServices): Connections {
  const { events, limits, hub } = services;
  const open = new Set<Outbox>();

  return {
    get size() {
      return open.size;
    },
    open(socket, { actor, codec, client, proof }) {
      const id = newId();
      const outbox = createOutbox(socket, {
        maxBufferedBytes: limits.maxBufferedBytes,
        encode: (frame) => codec.encode(frame),
        onSlow: () => events.refused('slow_consumer', id, actor.channel),
      });
      const session = createClientSession({ id, actor, outbox }, services);
      const stopHeartbeat = startHeartbeat(socket, limits.pingMs, () => outbox.close('unresponsive'));
      open.add(outbox);
      events.connectionOpened(id, actor.channel, client);

      const welcome: WelcomeFrame = {
        type: 'welcome', connection: id, principal: actor.principal, epoch: hub.epoch, resumeFrom: session.resumeFrom, ...(proof === undefined ? {} : { proof }),
      };
      outbox.send(welcome);

      socket.on('message', (data: RawData, isBinary: boolean) => {
        // Frames keep coming until the peer answers our close, which one that was shut out need not do.
        if (outbox.closing) return;
        if (isBinary) return outbox.close('binary_frame');
        try {
          session.receive(codec.decode(rawText(data)));
        } catch (error) {
          if (error instanceof ClosingError) {
            events.refused(error.code, id, actor.channel);
            outbox.close(error.code);
          } else session.refuse('bad_request', 'the frame is not JSON');
        }
      });
      socket.on('ping', () => session.charge());
      socket.on('close', (closeCode: number) => {
        stopHeartbeat();
        session.stop();
        open.delete(outbox);
        events.connectionClosed(id, actor.channel, closeCode);
      });
      return outbox;
    },
    closeAll(code) {
      for (const outbox of open) outbox.close(code);
    },
  };
}

/** The text of a message; the library gives text as bytes. */
export function rawText(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.from(data as Buffer).toString('utf8');
}
