import { setImmediate as immediate } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { closeCode, closeReason, type PublicCode } from '../error-table.ts';

/** What leaves through one WebSocket, bounded: a client that does not read is closed, instead of filling the memory. */
export interface Outbox {
  /** We have closed it; what the peer still sends is nobody's word any more. */
  readonly closing: boolean;
  /** Encodes and sends; does nothing once the connection closes. */
  send(frame: object): void;
  /** Resolves when all that was sent is with the operating system; false when the connection is gone. */
  flushed(): Promise<boolean>;
  /** Says why and closes; the peer has a second to answer. */
  close(code: PublicCode): void;
}

const closeGraceMs = 1_000;

/** `encode` seals a frame; it is called in the order of sending. */
export function createOutbox(socket: WebSocket, options: { maxBufferedBytes: number; encode: (frame: object) => string; onSlow: () => void }): Outbox {
  let closing = false;
  const outbox: Outbox = {
    get closing() {
      return closing;
    },
    send(frame) {
      if (closing || socket.readyState !== socket.OPEN) return;
      socket.send(options.encode(frame));
      if (socket.bufferedAmount > options.maxBufferedBytes) {
        options.onSlow();
        outbox.close('slow_consumer');
      }
    },
    async flushed() {
      if (closing || socket.readyState !== socket.OPEN) return false;
      await immediate();
      if (socket.bufferedAmount === 0) return true;
      return await new Promise((resolve) => {
        const gone = () => finish(false);
        const drained = () => {
          if (socket.bufferedAmount === 0) finish(true);
        };
        const poll = setInterval(drained, 20);
        const finish = (open: boolean) => {
          clearInterval(poll);
          socket.off('close', gone);
          resolve(open && !closing);
        };
        socket.once('close', gone);
      });
    },
    close(code) {
      if (closing) return;
      closing = true;
      socket.close(closeCode(code), closeReason(code));
      // A peer that reads nothing never answers the close frame either.
      const timer = setTimeout(() => socket.terminate(), closeGraceMs);
      timer.unref();
      socket.once('close', () => clearTimeout(timer));
    },
  };
  return outbox;
}
