import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@megabot/observability/logger.ts';
import { freePorts } from '@megabot/testing/ports.ts';
import { makeDataDirectory } from '@megabot/testing/postgres-memory.ts';
import { createStandalone } from '../app.ts';

/** The owner's, of every such MegaBot. */
export const token = 'an-owner-token-of-enough-characters';
export type Json = Record<string, unknown>;

export interface WholeOptions {
  /** The text of `meta-config.yaml`; left out, MegaBot writes its own. */
  readonly configuration?: string;
  readonly model: { readonly url: string; readonly name?: string };
  readonly openclaw?: { readonly url: string; readonly authToken: string };
}

/** A whole MegaBot in one process, as its owner meets it over HTTP. */
export interface Whole extends AsyncDisposable {
  /** Holds its `data`, `config` and `secrets`. */
  readonly home: string;
  /** A request as the owner. */
  call(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly json: Json }>;
  /** Starts it again after `stop`, on the same data. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startWhole({ configuration, model, openclaw }: WholeOptions): Promise<Whole> {
  const home = await mkdtemp(join(tmpdir(), 'megabot-whole-'));
  if (configuration !== undefined) {
    await mkdir(join(home, 'config'));
    await writeFile(join(home, 'config', 'meta-config.yaml'), configuration);
  }
  await makeDataDirectory(join(home, 'data', 'postgres'));
  let megabot: Awaited<ReturnType<typeof createStandalone>> | undefined;
  let base = '';
  const whole: Whole = {
    home,
    async call(method, path, body) {
      const response = await fetch(base + path, {
        method, headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, json: (text === '' ? {} : JSON.parse(text)) as Json };
    },
    async start() {
      const [http = 0, ui = 0, ws = 0] = await freePorts(3);
      megabot = await createStandalone(
        {
          bind: '127.0.0.1', ports: { http, ui, ws }, folders: { data: join(home, 'data'), config: join(home, 'config'), secrets: join(home, 'secrets') },
          token, wsPassword: 'a password', publicOrigins: [], model: { url: model.url, name: model.name, apiKey: undefined, idleMs: 10_000 },
          openclaw: { url: openclaw?.url, authToken: openclaw?.authToken }, logLevel: 'fatal',
        },
        silentLogger(),
      );
      base = `http://127.0.0.1:${http}`;
    },
    async stop() {
      await megabot?.close();
      megabot = undefined;
    },
    async [Symbol.asyncDispose]() {
      await whole.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
  await whole.start();
  return whole;
}
