import type { ServerFrame } from '@megabot/contracts/frames.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { connectNative, type NativeClient } from '@megabot/testing/native-client.ts';
import type { Doors } from './talk.ts';

interface Outgoing {
  readonly id: string;
  readonly text: string;
  readonly conversation: string;
  turnId: string | undefined;
}

/** A client as a person's would be: it comes back when the connection breaks, catches up, and sends again what was not acknowledged. */
export interface TenaciousClient {
  /** Resolves with the turn when the message is acknowledged, over as many connections as it takes. */
  say(text: string, conversation: string): Promise<string>;
  /** Every frame that has a place, in the order it came, over all connections. */
  readonly events: readonly (ServerFrame & { seq: number })[];
  readonly connections: number;
  until(what: string, holds: () => boolean, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export async function openTenacious(doors: Doors): Promise<TenaciousClient> {
  const outgoing: Outgoing[] = [];
  const events: (ServerFrame & { seq: number })[] = [];
  const waiting = new Set<() => void>();
  let client: NativeClient | undefined;
  let place: { since: number; epoch: string } | undefined;
  let connections = 0;
  const ending = new AbortController();

  const take = (frame: ServerFrame): void => {
    if ('seq' in frame) {
      events.push(frame);
      place = place && { ...place, since: frame.seq };
    } else if (frame.type === 'accepted') {
      const message = outgoing.find((one) => one.id === frame.id);
      if (message) message.turnId = frame.turnId;
    } else if (frame.type === 'error' && frame.ref !== undefined) {
      const message = outgoing.find((one) => one.id === frame.ref);
      if (message) void sleep(300).then(() => send(message));
    }
    for (const look of waiting) look();
  };
  const send = (message: Outgoing): void => {
    if (message.turnId !== undefined || !client || client.closed) return;
    client.send({ type: 'message', id: message.id, conversation: message.conversation, text: message.text });
  };
  const live = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        client = await connectNative({ url: doors.wsUrl, token: doors.token, password: doors.password, timeoutMs: 10_000, ...(place ? { resume: place } : {}) });
      } catch {
        await sleep(200);
        continue;
      }
      connections++;
      place ??= { since: client.resumeFrom, epoch: client.epoch };
      for (const message of outgoing) send(message);
      for await (const frame of client.frames()) take(frame);
    }
  };
  const living = live();

  const until = async (what: string, holds: () => boolean, timeoutMs = 60_000): Promise<void> =>
    await new Promise((resolve, reject) => {
      const look = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`waited in vain: ${what}; last events: ${JSON.stringify(events.slice(-5))}`));
      }, timeoutMs);
      waiting.add(look);
      look();
    });

  return {
    events,
    get connections() {
      return connections;
    },
    until,
    async say(text, conversation) {
      const message: Outgoing = { id: crypto.randomUUID(), text, conversation, turnId: undefined };
      outgoing.push(message);
      send(message);
      await until(`"${text}" is acknowledged`, () => message.turnId !== undefined);
      return message.turnId ?? '';
    },
    async close() {
      ending.abort();
      await client?.close();
      await living;
    },
  };
}
