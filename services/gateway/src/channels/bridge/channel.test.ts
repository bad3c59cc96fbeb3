import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle, type EventEnvelope } from '@megabot/bus/port.ts';
import * as bridge from '@megabot/contracts/endpoints/bridge.ts';
import { approvalsList, configGet } from '@megabot/contracts/endpoints/interlock.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startScriptedGateway } from '@megabot/testing/openclaw/scripted-gateway.ts';
import { createMemoryStore } from '../openclaw/testing/memory-store.ts';
import { until } from '../openclaw/testing/bridge.ts';
import { createBridgeChannel } from './channel.ts';

const authToken = 'shared-token-of-the-gateway';
const platforms = { telegram: { enabled: true, allowFrom: ['1001'], admins: [], approvals: 'code' as const, maxRisk: 'low' as const, ratePerMinute: 20 } };

/** A bridge with memory and interlock behind it as far as it asks them. */
async function openBridge() {
  const logger = silentLogger();
  const hub = createInProcessHub();
  const gateway = await startScriptedGateway({ authToken });
  const stateDir = await mkdtemp(join(tmpdir(), 'megabot-bridge-'));
  const store = createMemoryStore();
  const it = { gateway, held: true, localOnly: true, announce: (_envelope: EventEnvelope): void => {}, intake: Promise.withResolvers<void>(), taking: false };
  await hub.bus('memory', { logger }).serve([
    handle(bridge.bridgeLease, async () => ({ held: it.held })),
    handle(bridge.bridgeBegin, async ({ now }) => ({ begunAt: await store.begin(now) })),
    handle(bridge.bridgeCursors, async () => ({ cursors: [] })),
    handle(bridge.bridgeSeen, async () => ({ seen: [] })),
    handle(bridge.bridgeAnswers, async () => ({ answers: [] })),
    handle(bridge.bridgeUnsent, async () => ({ answers: [] })),
    handle(bridge.bridgeChat, async ({ chatKey, address, sessionKey }) => ({ conversation: 'c1', chatKey, address, sessionKey })),
  ]);
  await hub.bus('interlock', { logger }).serve([
    handle(approvalsList, async () => ({ approvals: [] })),
    handle(configGet, async () => ({ version: '1', model: { url: null, name: null, localOnly: it.localOnly, allowedHosts: [], contextTokens: 8_192 }, bridges: { openclaw: { platforms } }, warnings: [] })),
  ]);
  const channel = createBridgeChannel(
    { url: gateway.url, authToken, stateDir: join(stateDir, 'openclaw'), stateSecret: 'secret', version: '0.0.0', uiOrigin: 'http://localhost:5173' },
    {
      bus: hub.bus('gateway', { logger }), logger, clock: Date.now,
      hub: {
        subscribe(listener) {
          it.announce = listener;
          return () => undefined;
        },
      },
      intake: {
        async accept() {
          it.taking = true;
          await it.intake.promise;
          return { messageId: 'm', turnId: 't', duplicate: false };
        },
      },
    },
  );
  return Object.assign(it, {
    channel,
    async [Symbol.asyncDispose]() {
      it.intake.resolve();
      await channel.close();
      await gateway[Symbol.asyncDispose]();
      await hub.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  });
}

test('a lease that is lost while the bridge starts anew for another configuration leaves no bridge behind', async () => {
  await using it = await openBridge();
  await until('the connection', () => it.channel.status()?.state === 'connected');
  it.gateway.receive({ text: 'hello', from: '1001' });
  await until('the message', () => it.taking);
  it.localOnly = false;
  it.announce({ event: { topic: 'configuration' } } as EventEnvelope);
  await until('the stop', () => it.gateway.open === 0);
  it.held = false;
  // The lease is asked for every four seconds.
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  it.intake.resolve();
  await until('the end', () => it.channel.status() === undefined && it.gateway.open === 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual([it.channel.status()?.state, it.gateway.open], [undefined, 0]);
});
