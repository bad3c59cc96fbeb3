import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startScriptedGateway, type GatewayScript, type ScriptedGateway } from '@megabot/testing/openclaw/scripted-gateway.ts';
import { createMemoryStore } from './memory-store.ts';
import { createOpenClawLink, type OpenClawLink, type OpenClawLinkOptions } from '../openclaw-link.ts';
import type { OpenClawStatus } from '../status.ts';
import type { BridgeStore } from '../store.ts';
import type { InboundMessage } from '../types.ts';

export const sharedToken = 'shared-token-of-the-gateway';

export interface TestBridge extends AsyncDisposable {
  readonly gateway: ScriptedGateway;
  readonly store: BridgeStore;
  readonly stateDir: string;
  readonly link: OpenClawLink;
  /** What `onMessage` took, over all lives of the link. */
  readonly taken: InboundMessage[];
  /** All states so far, in order. */
  readonly states: OpenClawStatus[];
  /** Makes the next `onMessage` calls fail. */
  failing: boolean;
  /** Ends this link and makes another with the same store and folder, as a restart does. */
  restart(change?: Partial<OpenClawLinkOptions>): Promise<void>;
}

/** A link with short times against a scripted gateway. */
export async function startTestBridge(options: { script?: GatewayScript; link?: Partial<OpenClawLinkOptions>; start?: boolean } = {}): Promise<TestBridge> {
  const gateway = await startScriptedGateway({ authToken: sharedToken, ...(options.script ? { script: options.script } : {}) });
  const stateDir = await mkdtemp(join(tmpdir(), 'megabot-openclaw-'));
  const store = options.link?.store ?? createMemoryStore();
  const taken: InboundMessage[] = [];
  const states: OpenClawStatus[] = [];
  const make = (change: Partial<OpenClawLinkOptions> = {}): OpenClawLink => {
    const link = createOpenClawLink({
      url: gateway.url, authToken: sharedToken, stateDir: join(stateDir, 'openclaw'), stateSecret: 'the secret of this installation', localOnly: true, version: '0.0.0-test', store,
      async onMessage(message) {
        if (bridge.failing) throw new Error('the store is down');
        taken.push(message);
      },
      onStatus: (status) => void states.push(status),
      logger: silentLogger(), backoff: { minMs: 10, maxMs: 40 },
      ...options.link, ...change,
    });
    if (options.start !== false) link.start();
    return link;
  };
  let link: OpenClawLink;
  const bridge: TestBridge = {
    gateway, store, stateDir, taken, states, failing: false,
    get link() {
      return link;
    },
    async restart(change) {
      await link.close();
      link = make(change);
    },
    async [Symbol.asyncDispose]() {
      await link.close();
      await gateway[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
  link = make();
  return bridge;
}

/** Waits until something holds; fails saying what did not. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 8_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${ms} ms`);
    await delay(5);
  }
}

export const untilState = async (bridge: TestBridge, state: OpenClawStatus['state']): Promise<OpenClawStatus> => {
  await until(`state ${state} (now ${JSON.stringify(bridge.link.status())})`, () => bridge.link.status().state === state);
  return bridge.link.status();
};
