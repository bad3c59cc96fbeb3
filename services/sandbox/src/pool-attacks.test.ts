import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { runQueues, type Permit } from '@megabot/contracts/queues.ts';
import { createSigner, startFakeInterlock, type FakeInterlock, type Signer } from '@megabot/execution/testing/fake-interlock.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createSandbox } from './app.ts';
import { containerSpec } from './driver/container-spec.ts';
import { createDockerDriver } from './driver/docker.ts';
import type { ContainerCreateOptions } from './driver/engine.ts';
import { fakeEngine, type FakeEngine } from './driver/testing/fake-engine.ts';
import { openWorkspaceStore } from './workspace/store.ts';

const logger = silentLogger();
let interlock: FakeInterlock;
let engine: FakeEngine;
let created: ContainerCreateOptions[];
let folder: string;
let service: { close(): Promise<void> };

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 8_000) assert.fail(`waited in vain: ${what}`);
    await sleep(5);
  }
}
const waiting = (): string[] => [...engine.containers.keys()].filter((id) => !engine.told.has(id));

beforeEach(async () => {
  interlock = await startFakeInterlock();
  const plain = fakeEngine();
  created = [];
  engine = Object.assign(plain, { create: ((create) => async (options: ContainerCreateOptions) => (created.push(options), await create(options)))(plain.create) });
  folder = await mkdtemp(join(tmpdir(), 'megabot-pool-attacks-'));
  const workspaces = await openWorkspaceStore({ root: folder });
  const driver = createDockerDriver({ project: 'p', instance: 'sandbox-1', stateFolder: join(folder, 'replicas'), pool: { min: 2, max: 4, refillDelayMs: 0 } }, { engine, workspaces, logger });
  const options = { instance: 'sandbox-1', permitPublicKey: interlock.signer.publicKey, concurrency: 2, heartbeatMs: 20 };
  service = await createSandbox(options, { bus: interlock.hub.bus('sandbox', { logger }), driver, workspaces, logger });
  // One honest run, so that two containers of its kind wait.
  await interlock.queue(interlock.signer.permit());
  await until('the pool', () => interlock.reports.length === 1 && waiting().length === 2 && engine.containers.size === 2);
});
afterEach(async () => {
  await service.close();
  await interlock.close();
  await rm(folder, { recursive: true, force: true });
});

const attacks: readonly (readonly [string, (signer: Signer, stranger: Signer) => Permit])[] = [
  ['forged with another key', (_, stranger) => stranger.permit()],
  ['signed for other words', (signer) => {
    const permit = signer.permit();
    return { ...permit, plan: { ...permit.plan, argv: ['bash', '-c', 'evil'] } };
  }],
  ['whose claims were altered', (signer) => {
    const permit = signer.permit();
    return { ...permit, claims: { ...permit.claims, runId: 'another-run' } };
  }],
  ['whose limits were raised', (signer) => {
    const permit = signer.permit();
    return { ...permit, plan: { ...permit.plan, limits: { ...permit.plan.limits, memoryBytes: 2 ** 40 } } };
  }],
  ['that has expired', (signer) => signer.permit({ now: Date.now() - 60_000 })],
  ['for another executor', (signer) => signer.permit({ claims: { executor: 'gateway' } })],
];

suite('a permit that is not in order', () => {
  for (const [what, make] of attacks) {
    test(`${what} gets no container, neither a waiting nor a new one`, async () => {
      const [before, told, made] = [waiting(), engine.told.size, created.length];
      await interlock.queue(make(interlock.signer, createSigner()), runQueues.sandbox);
      // What is queued behind it is dealt with, so it was dealt with too.
      await interlock.queue(interlock.signer.permit());
      await until('the honest run', () => interlock.reports.length === 2);
      assert.equal(engine.told.size, told + 1);
      assert.equal(before.filter((id) => engine.told.has(id)).length, 1, 'the honest run took one, and nobody else did');
      assert.equal([...engine.told.values()].some((words) => words.includes('evil')), false);
      assert.ok(created.length <= made + 1);
    });
  }

  test('that was used already gets nothing a second time', async () => {
    const permit = interlock.signer.permit();
    const { claim } = interlock.answers;
    const granted = new Set<string>();
    interlock.answers.claim = async (request) => {
      if (granted.has(request.permitId)) throw new Error('claimed already');
      granted.add(request.permitId);
      return await claim(request);
    };
    await interlock.queue(permit);
    await until('the first use', () => interlock.reports.length === 2);
    const told = engine.told.size;
    await interlock.queue(permit);
    await interlock.queue(interlock.signer.permit());
    await until('the honest run', () => interlock.reports.length === 3);
    assert.equal(engine.told.size, told + 1);
  });

  test('of a size that nobody sends is no run, and the service goes on', async () => {
    const huge = interlock.signer.permit({ plan: { argv: ['bash', '-c', 'x'.repeat(20 * 2 ** 20)] } });
    await interlock.queue(huge).catch(() => undefined);
    await interlock.queue(interlock.signer.permit());
    await until('the honest run', () => interlock.reports.some(({ runId }) => runId !== huge.claims.runId && interlock.reports.length >= 2));
    assert.ok(created.every((options) => JSON.stringify(options).length < 100_000));
  });
});

suite('a permit that is in order', () => {
  test('puts nothing of its action into a container, whatever the action is', async () => {
    const evil = 'evil-$(reboot)-/var/run/docker.sock';
    await interlock.queue(interlock.signer.permit({ plan: { argv: [evil, '--privileged'], env: { [`EVIL_${'A'.repeat(9)}`]: evil }, cwd: '/workspace/evil' } }));
    await until('the run', () => interlock.reports.length === 2);
    const pure = containerSpec(
      { imageId: 'sha256:megabot/sandbox:0.1.0', network: 'none', memoryBytes: 128 * 2 ** 20, workspaceBytes: 8 * 2 ** 20, pids: 64, cpus: 1 },
      { project: 'p', instance: 'sandbox-1' }, { boxId: '', leaseMs: 0, now: 0 },
    );
    for (const options of created) {
      assert.doesNotMatch(JSON.stringify(options), /evil|EVIL/i);
      const host = { ...options.HostConfig, SecurityOpt: undefined, CgroupParent: undefined };
      assert.deepEqual(host, { ...pure.HostConfig, SecurityOpt: undefined, CgroupParent: undefined });
    }
  });

  test('with a file to write needs no container at all', async () => {
    const [told, made] = [engine.told.size, created.length];
    const { argv: _, ...rest } = interlock.signer.permit().plan;
    const plan = { ...rest, network: 'none' as const, kind: 'file_write' as const, argv: [] as never[], files: [{ path: 'a', content: 'x' }], changes: [{ path: 'a', before: null, after: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881' }] };
    await interlock.queue(interlock.signer.permitFor(plan));
    await until('the report', () => interlock.reports.length === 2);
    assert.deepEqual([engine.told.size, created.length], [told, made]);
  });
});
