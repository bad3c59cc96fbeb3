import type { Bus } from '@megabot/bus/port.ts';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createGateway, type Gateway } from '../app.ts';
import type { GatewayOptions } from '../options.ts';
import { startFakes, type Fakes } from './fake-services.ts';

export const testToken = 'a-token-of-enough-characters';
export const testPassword = 'a password';
const uiPort = 5_173;

export interface TestGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly fakes: Fakes;
  readonly base: string;
  /** The origin of our own page. */
  readonly origin: string;
  /** Another process would remember nothing of this one, and has other ports. */
  restartGateway(): Promise<Gateway>;
  /** A request as the owner, unless `headers` say otherwise. */
  request(path: string, init?: { method?: string; body?: unknown; headers?: Record<string, string> }): Promise<Response>;
}

/** A gateway on free ports of loopback, over an in-process bus with fake services behind it. */
export async function startTestGateway(options: Partial<GatewayOptions> = {}, throughBus: (bus: Bus) => Bus = (bus) => bus): Promise<TestGateway> {
  const hub = createInProcessHub();
  const fakes = await startFakes(hub);
  const start = async (): Promise<Gateway> => await createGateway(
    {
      version: '0.0.0-test', listen: '127.0.0.1', httpPort: 0, wsPort: 0, publishedPorts: { ui: uiPort }, publicOrigins: ['https://megabot.example'], token: testToken,
      wsPassword: testPassword, wsSalt: Buffer.alloc(16, 7).toString('base64url'), originSeed: Buffer.alloc(32, 9).toString('base64url'), deployment: 'standalone',
      ...options, limits: { failureDelayMs: 5, resumeGraceMs: 20, ...options.limits },
    },
    { bus: throughBus(hub.bus('gateway', { logger: silentLogger() })), logger: silentLogger() },
  );
  const gateway = await start();
  let running = gateway;
  const base = `http://127.0.0.1:${gateway.httpPort}`;
  return {
    gateway, fakes, base, origin: `http://localhost:${uiPort}`,
    async request(path, { method = 'GET', body, headers = { authorization: `Bearer ${testToken}` } } = {}) {
      return await fetch(base + path, { method, headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    },
    async restartGateway() {
      await running.close();
      running = await start();
      return running;
    },
    async [Symbol.asyncDispose]() {
      await running.close();
      await hub.close();
    },
  };
}
