import type { Duplex } from 'node:stream';

/**
 * The connections of one door that have proved nothing yet. They may fill only a part of its places; beyond that the oldest
 * makes room, because a proof takes milliseconds and who holds on longest is the one that means to keep others out.
 */
export interface Strangers {
  admit(socket: Duplex): void;
  /** Whoever it was has proved who they are; the connection keeps its place. */
  proven(socket: Duplex): void;
}

export function createStrangers(max: number): Strangers {
  /** Oldest first. */
  const strangers = new Set<Duplex>();
  return {
    admit(socket) {
      strangers.add(socket);
      socket.once('close', () => strangers.delete(socket));
      for (const oldest of strangers) {
        if (strangers.size <= max) break;
        strangers.delete(oldest);
        oldest.destroy();
      }
    },
    proven(socket) {
      strangers.delete(socket);
    },
  };
}
