import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';

type Json = Readonly<Record<string, unknown>>;

/** What the bot sent to a chat. */
export interface Sent {
  readonly chat: string;
  readonly text: string;
}

/** A real OpenClaw with its real Telegram channel, whose Bot API is scripted. */
export interface RealOpenClaw {
  /** Somebody writes to the bot in a direct chat. */
  write(from: string, text: string): Promise<void>;
  /** All that the bot has sent since the first call, in order. */
  sent(): Promise<readonly Sent[]>;
  /** Restarts OpenClaw alone; resolves when the command has ended, whatever it found. */
  restart(): Promise<void>;
  /** All texts of people that OpenClaw's own history holds. */
  history(): Promise<string[]>;
}

export function createRealOpenClaw({ url, token, telegram, restartCommand }: { url: string; token: string; telegram: string; restartCommand: string }): RealOpenClaw {
  const heard: Sent[] = [];
  let asked = false;
  let reading: Promise<void> = Promise.resolve();
  // The Bot API gives its log once, and what stands there at first is of earlier days.
  const readOn = async (): Promise<void> => {
    const log = (await (await fetch(`${telegram}/_log`)).json()) as { method: string; p: string }[];
    if (asked) for (const { method, p } of log) if (method.startsWith('send') && p.includes('"text"')) heard.push(readSent(p));
    asked = true;
  };
  return {
    async write(from, text) {
      await fetch(`${telegram}/_inject?${new URLSearchParams({ text, from, name: `P${from}` }).toString()}`);
    },
    async sent() {
      // One after the other, so that what was sent first stands first.
      await (reading = reading.then(readOn));
      return heard;
    },
    async restart() {
      const child = spawn(restartCommand, { shell: true, stdio: 'ignore' });
      await once(child, 'exit');
    },
    history: async () => await readHistory(url, token),
  };
}

function readSent(call: string): Sent {
  const { chat_id: chat, text } = JSON.parse(call) as { chat_id: string | number; text: string };
  return { chat: String(chat), text };
}

/** By its own protocol and with its shared token, so that nothing of the bridge takes part. */
async function readHistory(url: string, token: string): Promise<string[]> {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 64 * 1_048_576 });
  // Each request waits for the end as well.
  socket.setMaxListeners(0);
  const waiting = new Map<string, (frame: Json) => void>();
  const challenged = new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as Json;
      if (frame['event'] === 'connect.challenge') resolve();
      if (frame['type'] === 'res') waiting.get(String(frame['id']))?.(frame);
    });
  });
  const request = async (method: string, params: object): Promise<Json> => {
    const id = randomUUID();
    const frame = await new Promise<Json>((resolve, reject) => {
      waiting.set(id, resolve);
      socket.once('close', () => reject(new Error(`OpenClaw closed the connection during ${method}`)));
      socket.send(JSON.stringify({ type: 'req', id, method, params }));
    });
    if (frame['ok'] !== true) throw new Error(`OpenClaw refused ${method}: ${JSON.stringify(frame['error']).slice(0, 400)}`);
    return frame['payload'] as Json;
  };
  try {
    await challenged;
    await request('connect', {
      minProtocol: 4, maxProtocol: 4, client: { id: 'gateway-client', version: '0.1.0', platform: 'linux', mode: 'backend' }, role: 'operator', scopes: ['operator.read', 'operator.write'], auth: { token },
    });
    const { sessions } = (await request('sessions.list', { limit: 200 })) as { sessions: { key: string }[] };
    const texts: string[] = [];
    for (const { key } of sessions) {
      for (let offset = 0; ; ) {
        const page = (await request('chat.history', { sessionKey: key, limit: 200, ...(offset === 0 ? {} : { offset }) })) as { messages: Json[]; hasMore?: boolean; nextOffset?: number };
        for (const row of page.messages) if (row['role'] === 'user') texts.push(JSON.stringify(row['content']));
        if (page.hasMore !== true || page.nextOffset === undefined || page.nextOffset <= offset) break;
        offset = page.nextOffset;
      }
    }
    return texts;
  } finally {
    socket.terminate();
  }
}
