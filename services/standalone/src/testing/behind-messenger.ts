import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startScriptedGateway, type ScriptedGateway } from '@megabot/testing/openclaw/scripted-gateway.ts';
import { startScriptedModel } from '@megabot/testing/scripted-model.ts';
import { createStandalone } from '../app.ts';

const authToken = 'shared-token-of-the-gateway';
const token = 'an-owner-token-of-enough-characters';
export type Json = Record<string, unknown>;

/** A whole MegaBot in one process behind a scripted OpenClaw. */
export interface BehindMessenger extends AsyncDisposable {
  readonly openclaw: ScriptedGateway;
  /** What a chat was sent, in order. */
  heard(to: string): string[];
  /** Waits until a chat was sent something like this, and gives the first such text. */
  hears(to: string, pattern: RegExp): Promise<string>;
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  /** A request over HTTP as the owner. */
  call(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly json: Json }>;
  get(path: string): Promise<Json>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it with this `meta-config.yaml`, and waits until the bridge is connected. */
export async function startBehindMessenger(configuration: string): Promise<BehindMessenger> {
  const home = await mkdtemp(join(tmpdir(), 'megabot-messenger-'));
  await mkdir(join(home, 'config'));
  await writeFile(join(home, 'config', 'meta-config.yaml'), configuration);
  const openclaw = await startScriptedGateway({ authToken });
  const model = await startScriptedModel({ host: '127.0.0.1', port: 0 });
  let megabot: Awaited<ReturnType<typeof createStandalone>> | undefined;
  let base = '';

  const it: BehindMessenger = {
    openclaw,
    heard: (to) => openclaw.sent.filter((sent) => sent.to === to).map(({ text }) => text),
    async hears(to, pattern) {
      const find = (): string | undefined => it.heard(to).find((text) => pattern.test(text));
      await it.until(`${to} hears ${String(pattern)}`, () => find() !== undefined);
      return find() ?? '';
    },
    async until(what, holds) {
      for (let tries = 0; tries < 2_400; tries++) {
        if (await holds()) return;
        await delay(25);
      }
      assert.fail(`${what} did not come; sent so far: ${JSON.stringify(openclaw.sent.map(({ to, text }) => [to, text.slice(0, 200)]))}`);
    },
    async call(method, path, body) {
      const response = await fetch(base + path, {
        method, headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, json: (text === '' ? {} : JSON.parse(text)) as Json };
    },
    get: async (path) => (await it.call('GET', path)).json,
    async start() {
      const free = 20_000 + Math.floor(Math.random() * 12_000);
      megabot = await createStandalone(
        {
          bind: '127.0.0.1', ports: { http: free, ui: free + 1, ws: free + 2 }, folders: { data: join(home, 'data'), config: join(home, 'config'), secrets: join(home, 'secrets') },
          token, wsPassword: 'a password', publicOrigins: [], model: { url: `${model.url}/v1`, name: undefined, apiKey: undefined, idleMs: 10_000 },
          openclaw: { url: openclaw.url, authToken }, logLevel: 'fatal',
        },
        silentLogger(),
      );
      base = `http://127.0.0.1:${free}`;
    },
    async stop() {
      await megabot?.close();
      megabot = undefined;
    },
    async [Symbol.asyncDispose]() {
      await it.stop();
      await openclaw[Symbol.asyncDispose]();
      await model.close();
      await rm(home, { recursive: true });
    },
  };
  await it.start();
  await it.until('the bridge', async () => ((await it.get('/api/v1/bridges'))['bridges'] as { state: string }[])[0]?.state === 'connected');
  return it;
}
