import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { handle } from '@megabot/bus/port.ts';
import { emptyWorkspaceRevision, type PlanOf } from '@megabot/contracts/action.ts';
import { bridgeChat, bridgeLease } from '@megabot/contracts/endpoints/bridge.ts';
import { configGet } from '@megabot/contracts/endpoints/interlock.ts';
import { runQueues } from '@megabot/contracts/queues.ts';
import { startFakeInterlock } from '@megabot/execution/testing/fake-interlock.ts';
import { createBridgeChannel, type BridgeChannel } from '@megabot/gateway/channels/bridge/channel.ts';
import { chatKey } from '@megabot/gateway/channels/openclaw/types.ts';
import { until } from '@megabot/gateway/channels/openclaw/testing/bridge.ts';
import { createMemory } from '@megabot/memory/app.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { migrate } from '@megabot/postgres/migrations.ts';
import { startScriptedGateway } from '@megabot/testing/openclaw/scripted-gateway.ts';
import { openMemoryDatabase } from '@megabot/testing/postgres-memory.ts';

const address = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' } as const;
const authToken = 'shared-token-of-the-gateway';
const planOf = (text: string): PlanOf<'bridge_send'> => ({
  kind: 'bridge_send', conversation: 'default', workspaceRevision: emptyWorkspaceRevision, limits: { wallMs: 10_000, outputBytes: 1_000 },
  action: { kind: 'bridge_send', platform: 'telegram', chat: '1001', text }, address,
});

test('of several gateways the one with the lease sends approved messages, and the next one goes on when it ends', async () => {
  const logger = silentLogger();
  const interlock = await startFakeInterlock();
  const { hub } = interlock;
  const telegram = { enabled: true, allowFrom: ['1001'], admins: [], approvals: 'code' as const, maxRisk: 'low' as const, ratePerMinute: 20 };
  await hub.bus('interlock', { logger }).serve([
    handle(configGet, async () => ({ version: '1', model: { localOnly: true, url: null, name: null, allowedHosts: [], contextTokens: 8_192 }, bridges: { openclaw: { platforms: { telegram } } }, warnings: [] })),
  ]);
  const db = await openMemoryDatabase();
  await migrate(db, { schema: 'memory', migrations: new URL('../../memory/migrations/', import.meta.url) });
  const memory = await createMemory({ sweepEveryMs: 3_600_000 }, { bus: hub.bus('memory', { logger }), db, logger });
  const openclaw = await startScriptedGateway({ authToken });
  const home = await mkdtemp(join(tmpdir(), 'megabot-replicas-'));
  const bus = hub.bus('gateway', { logger });
  const first = { bridge: 'openclaw', holder: 'before-them' };
  await bus.call(bridgeLease, { ...first, ttlMs: 30_000 });
  await bus.call(bridgeChat, { ...first, chatKey: chatKey(address), address, sessionKey: 'agent:main:telegram:direct:1001', title: 'telegram: Ann' });
  await bus.call(bridgeLease, { ...first, ttlMs: 30_000, release: true });

  const start = (name: string): BridgeChannel =>
    createBridgeChannel(
      {
        url: openclaw.url, authToken, stateDir: join(home, name), stateSecret: 'the secret of this installation', version: '0.0.0-test', uiOrigin: 'http://localhost:5173',
        sending: { permitPublicKey: interlock.signer.publicKey, instance: name },
      },
      { bus: hub.bus('gateway', { logger }), hub: { subscribe: () => () => {} }, intake: { accept: async () => assert.fail('nobody writes') }, logger, clock: Date.now },
    );
  const channels = [start('gateway-1'), start('gateway-2')];
  const holders = (): BridgeChannel[] => channels.filter((channel) => channel.status() !== undefined);
  const send = async (texts: string[]): Promise<void> => {
    await until('a connected bridge', () => holders()[0]?.status()?.state === 'connected');
    await Promise.all(texts.map(async (text) => await interlock.queue(interlock.signer.permitFor(planOf(text)), runQueues.gateway)));
    await until('the reports', () => interlock.reports.length === texts.length, 20_000);
    for (const { report } of interlock.reports.splice(0)) assert.deepEqual([report.status, report.exitCode], ['exited', 0], JSON.stringify(report));
  };
  try {
    await until('one holder', () => holders().length === 1);
    const [holder] = holders();
    await send(['one', 'two', 'three']);
    assert.equal(holders().length, 1);
    const instances = new Set(interlock.claims.map(({ instance }) => instance));
    assert.equal(instances.size, 1);
    await holder?.close();
    await until('the other holder', () => holders().length === 1 && holders()[0] !== holder, 20_000);
    await send(['four', 'five']);
    assert.deepEqual(new Set(interlock.claims.map(({ instance }) => instance)), new Set(['gateway-1', 'gateway-2']));
    assert.deepEqual(openclaw.sent.map(({ text }) => text).toSorted(), ['five', 'four', 'one', 'three', 'two']);
  } finally {
    for (const channel of channels) await channel.close();
    await openclaw[Symbol.asyncDispose]();
    await memory.close();
    await interlock.close();
    await db[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  }
});
