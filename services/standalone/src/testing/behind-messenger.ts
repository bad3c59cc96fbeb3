import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { startScriptedGateway, type ScriptedGateway } from '@megabot/testing/openclaw/scripted-gateway.ts';
import { startScriptedModel } from '@megabot/testing/scripted-model.ts';
import { startWhole, type Json, type Whole } from './whole.ts';

const authToken = 'shared-token-of-the-gateway';

/** A whole MegaBot in one process behind a scripted OpenClaw. */
export interface BehindMessenger extends AsyncDisposable {
  readonly openclaw: ScriptedGateway;
  /** What a chat was sent, in order. */
  heard(to: string): string[];
  /** Waits until a chat was sent something like this, and gives the first such text. */
  hears(to: string, pattern: RegExp): Promise<string>;
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  /** A request over HTTP as the owner. */
  readonly call: Whole['call'];
  get(path: string): Promise<Json>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it with this `meta-config.yaml`, and waits until the bridge is connected. */
export async function startBehindMessenger(configuration: string): Promise<BehindMessenger> {
  const openclaw = await startScriptedGateway({ authToken });
  const model = await startScriptedModel({ host: '127.0.0.1', port: 0 });
  const megabot = await startWhole({ configuration, model: { url: `${model.url}/v1` }, openclaw: { url: openclaw.url, authToken } });

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
    call: megabot.call,
    get: async (path) => (await it.call('GET', path)).json,
    start: megabot.start,
    stop: megabot.stop,
    async [Symbol.asyncDispose]() {
      await megabot[Symbol.asyncDispose]();
      await openclaw[Symbol.asyncDispose]();
      await model.close();
    },
  };
  await it.until('the bridge', async () => ((await it.get('/api/v1/bridges'))['bridges'] as { state: string }[])[0]?.state === 'connected');
  return it;
}
