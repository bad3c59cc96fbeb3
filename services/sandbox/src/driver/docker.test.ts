import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { WorkspaceRefusedError } from '../workspace/archive-entry.ts';
import { packItems } from '../workspace/items.ts';
import { openWorkspaceStore, type WorkspaceStore } from '../workspace/store.ts';
import { containerSpec, labels } from './container-spec.ts';
import { createDockerDriver, type DockerDriverOptions } from './docker.ts';
import { limits, runScript, type Harness } from './driver-compliance.ts';
import type { Engine } from './engine.ts';
import type { ReapedRun } from './port.ts';
import { fakeEngine } from './testing/fake-engine.ts';

let root: string;
let workspaces: WorkspaceStore;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'megabot-faulty-'));
  workspaces = await openWorkspaceStore({ root });
  await workspaces.put('full', packItems([{ type: 'file', path: 'kept', mode: 0o644, mtime: new Date(0), bytes: Buffer.from('x') }]), limits.workspaceBytes);
});
after(async () => {
  await rm(root, { recursive: true });
});

const cold = { min: 0, max: 0 };
const driverOn = (engine: Engine, options: Partial<DockerDriverOptions> = {}): Harness => {
  const stateFolder = join(root, `state-${crypto.randomUUID()}`);
  const driver = createDockerDriver({ project: 'p', instance: 'i', engineStepMs: 300, pool: cold, stateFolder, ...options }, { engine, workspaces, logger: silentLogger() });
  return { driver, workspaces, close: async () => await driver.close() };
};
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 8_000) assert.fail(`waited in vain: ${what}`);
    await wait(5);
  }
}

suite('a run on an engine that fails', () => {
  for (const step of ['info', 'create', 'lost create', 'start', 'launcher', 'fill', 'command', 'collect'] as const) {
    for (const fault of step === 'command' ? (['fails'] as const) : (['fails', 'hangs'] as const)) {
      test(`is an engine failure, keeps the workspace and leaves no container when ${step} ${fault}`, async () => {
        const engine = fakeEngine(step, fault);
        const harness = driverOn(engine);
        const { revision } = await workspaces.get('full');
        const result = await runScript(harness, 'full', 'true');
        assert.deepEqual([result.outcome, result.exitCode, result.workspaceChanged], ['engine_failure', null, false]);
        assert.ok(result.detail);
        assert.equal((await workspaces.get('full')).revision, revision);
        await harness.close();
        assert.equal(engine.containers.size, 0);
      });
    }
  }
  for (const fault of ['fails', 'hangs'] as const) {
    test(`comes to its end and leaves no container when the first removal ${fault}`, async () => {
      const engine = fakeEngine('removal', fault);
      const harness = driverOn(engine, { engineStepMs: 1_500 });
      const result = await runScript(harness, `removal ${fault}`, 'true');
      assert.deepEqual([result.outcome, result.exitCode, result.workspaceChanged], ['exited', 0, true]);
      await until('the removal', () => engine.containers.size === 0);
      await harness.close();
    });
  }

  test('ends at its limit when the command hangs', async () => {
    const engine = fakeEngine('command', 'hangs');
    assert.equal((await runScript(driverOn(engine), 'hangs', 'true', { limits: { wallMs: 100 } })).outcome, 'timeout');
    assert.equal(engine.containers.size, 0);
  });

  test('can be cancelled while the engine hangs, and leaves no container', async () => {
    const engine = fakeEngine('start', 'hangs');
    const controller = new AbortController();
    setTimeout(() => controller.abort('lockdown'), 20);
    const result = await runScript(driverOn(engine, { engineStepMs: 1_000 }), 'cancelled', 'true', {}, controller.signal);
    assert.deepEqual([result.outcome, result.cancelReason], ['cancelled', 'lockdown']);
    await until('the removal', () => engine.containers.size === 0);
  });

  test('does not start on a stored workspace that is damaged', async () => {
    const engine = fakeEngine();
    const failing = () => new Readable({ read() { this.destroy(new WorkspaceRefusedError('corrupt', 'the stored workspace is not what was stored')); } });
    const damaged = { conversation: 'damaged', revision: 'r', bytes: 1, readTar: failing };
    const result = await runScript(driverOn(engine), 'damaged', 'true', { workspace: damaged });
    assert.deepEqual([result.outcome, result.output.chunks.length], ['engine_failure', 0]);
    assert.match(result.detail ?? '', /not what was stored/);
    await until('the removal', () => engine.containers.size === 0);
  });

  test('that cannot be noted is not run', async () => {
    const engine = fakeEngine();
    const harness = driverOn(engine, { stateFolder: '/dev/full/state' });
    assert.equal((await runScript(harness, 'unnoted', 'true')).outcome, 'engine_failure');
    assert.deepEqual([...engine.told.values()], []);
  });

  test('whose workspace does not fit on the disk any more is a run that ended, and says what was lost', async () => {
    const full: WorkspaceStore = { ...workspaces, put: async (_conversation, tar) => {
      for await (const _ of tar) { /* read to its end, as the store does */ }
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    } };
    const driver = createDockerDriver({ project: 'p', instance: 'i', stateFolder: join(root, 'full'), pool: cold }, { engine: fakeEngine(), workspaces: full, logger: silentLogger() });
    const result = await runScript({ driver, workspaces, close: async () => undefined }, 'disk', 'true');
    assert.deepEqual([result.outcome, result.exitCode, result.workspaceChanged], ['exited', 0, false]);
    assert.match(result.detail ?? '', /disk of the sandbox is full/);
  });
});

suite('a waiting container', () => {
  const pooled = { min: 2, max: 4, refillDelayMs: 0 };

  test('is used for one run and removed, and another takes its place', async () => {
    const engine = fakeEngine();
    const harness = driverOn(engine, { pool: pooled });
    await runScript(harness, 'pool', 'first');
    await until('the pool', () => engine.containers.size === 2);
    const waiting = [...engine.containers.keys()];
    await runScript(harness, 'pool', 'second');
    await until('the pool', () => engine.containers.size === 2 && !waiting.every((id) => engine.containers.has(id)));
    assert.equal(engine.told.size, 2);
    assert.equal([...engine.told.values()].filter((words) => words.includes('second')).length, 1);
    assert.ok(waiting.includes([...engine.told.keys()][1] ?? ''));
    await harness.close();
    assert.equal(engine.containers.size, 0);
  });

  test('is not for a run of another kind, nor for one longer than it may live', async () => {
    const engine = fakeEngine();
    const harness = driverOn(engine, { pool: pooled });
    await runScript(harness, 'pool', 'first');
    await until('the pool', () => engine.containers.size === 2);
    const waiting = [...engine.containers.keys()];
    await runScript(harness, 'pool', 'other', { limits: { memoryBytes: 64 * 2 ** 20 } });
    await runScript(harness, 'pool', 'long', { limits: { wallMs: 24 * 3_600_000 } });
    assert.deepEqual([...engine.told.keys()].filter((id) => waiting.includes(id)), []);
    await harness.close();
  });

  test('that ended while it waited is replaced, and no run gets it', async () => {
    const engine = fakeEngine();
    const harness = driverOn(engine, { pool: pooled });
    await runScript(harness, 'pool', 'first');
    await until('the pool', () => engine.containers.size === 2);
    const waiting = [...engine.containers.keys()];
    for (const id of waiting) engine.end(id);
    assert.equal((await runScript(harness, 'pool', 'after')).outcome, 'exited');
    await until('the pool', () => engine.containers.size === 2);
    assert.deepEqual([...engine.told.keys()].filter((id) => waiting.includes(id)), []);
    await harness.close();
  });

  test('is made ready at the start for what the last run looked like', async () => {
    const stateFolder = join(root, 'remembered');
    const first = driverOn(fakeEngine(), { pool: pooled, stateFolder });
    await runScript(first, 'pool', 'first');
    await first.close();
    const engine = fakeEngine();
    const second = driverOn(engine, { pool: pooled, stateFolder });
    await second.driver.reap();
    await until('the pool', () => engine.containers.size === 2);
    await runScript(second, 'pool', 'second');
    assert.deepEqual([...engine.told.keys()], ['container-0']);
    await second.close();
  });
});

suite('what others left', () => {
  const leave = async (engine: Engine, instance: string, boxId: string, leaseMs: number): Promise<string> => {
    const kind = { imageId: 'sha256:x', network: 'none' as const, memoryBytes: 1, workspaceBytes: 1, pids: 1, cpus: 1 };
    return await engine.create(containerSpec(kind, { project: 'p', instance }, { boxId, leaseMs, now: Date.now() }));
  };

  test('is removed where it is ours or its lease has passed, and nothing else is touched', async () => {
    const engine = fakeEngine();
    await leave(engine, 'i', 'mine', 600_000);
    await leave(engine, 'other', 'lapsed', -1);
    await leave(engine, 'other', 'alive', 600_000);
    await engine.create({ Labels: { [labels.project]: 'another MegaBot', [labels.instance]: 'i', [labels.box]: 'theirs', [labels.leaseUntil]: '0' } });
    await engine.create({ Labels: { [labels.project]: 'p' } });
    const harness = driverOn(engine);
    assert.deepEqual(await harness.driver.reap(), []);
    assert.deepEqual([...engine.containers.values()].map((one) => one[labels.box]), ['alive', 'theirs', undefined]);
    await harness.close();
  });

  test('is nothing while its replica is alive, also where a clock jumps', async (context) => {
    const engine = fakeEngine('command', 'hangs');
    const stateFolder = join(root, 'jump');
    const alive = driverOn(engine, { stateFolder, instance: 'alive', tendMs: 10 });
    const other = driverOn(engine, { stateFolder, instance: 'other', tendMs: 60 });
    await Promise.all([alive.driver.reap(), other.driver.reap()]);
    const running = runScript(alive, 'jump', 'true', { limits: { wallMs: 1_000 } });
    await until('the run', () => engine.told.size === 1);
    await wait(200);
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() + 365 * 86_400_000 });
    assert.deepEqual(await other.driver.reap(), []);
    context.mock.timers.setTime(1_000);
    assert.deepEqual(await other.driver.reap(), []);
    assert.equal(engine.containers.size, 1);
    // Limits are of the clock that nobody sets.
    assert.equal((await running).outcome, 'timeout');
    context.mock.timers.reset();
    await Promise.all([alive.close(), other.close()]);
  });

  test('is removed and its run reported where its replica lapsed, before its lease has', async () => {
    const engine = fakeEngine('command', 'hangs');
    const stateFolder = join(root, 'lapses');
    const dying = driverOn(engine, { stateFolder, instance: 'dying', tendMs: 1e9 });
    await dying.driver.reap();
    void runScript(dying, 'lapses', 'true', { runId: 'run-2', permitId: 'permit-2' });
    await until('the run', () => engine.told.size === 1);
    const heir = driverOn(engine, { stateFolder, instance: 'heir', tendMs: 5 });
    const reaped: ReapedRun[] = [];
    for (let tries = 0; tries < 100 && reaped.length === 0; tries++) {
      reaped.push(...(await heir.driver.reap()));
      await wait(10);
    }
    assert.deepEqual(reaped, [{ runId: 'run-2', permitId: 'permit-2', instance: 'dying', reason: 'lease_expired' }]);
    assert.deepEqual(await heir.driver.reap(), []);
    assert.equal(engine.containers.size, 0);
    await Promise.all([dying.close(), heir.close()]);
  });

  test('is a run to report where one was going on, once, by whoever notices', async () => {
    const engine = fakeEngine('command', 'hangs');
    const stateFolder = join(root, 'left');
    const first = driverOn(engine, { stateFolder });
    void runScript(first, 'left', 'true', { runId: 'run-1', permitId: 'permit-1' });
    await until('the run', () => engine.told.size === 1);
    // The service is gone without a word; its successor has the same name.
    const next = driverOn(engine, { stateFolder });
    assert.deepEqual(await next.driver.reap(), [{ runId: 'run-1', permitId: 'permit-1', instance: 'i', reason: 'own_leftover' }]);
    assert.deepEqual(await next.driver.reap(), []);
    assert.equal(engine.containers.size, 0);
    await Promise.all([first.close(), next.close()]);
  });
});
