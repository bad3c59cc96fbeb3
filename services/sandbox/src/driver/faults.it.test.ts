import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../workspace/store.ts';
import { labels } from './container-spec.ts';
import { createDockerDriver } from './docker.ts';
import { runScript, text, type Harness } from './driver-compliance.ts';
import { openEngine } from './engine.ts';
import type { ReapedRun } from './port.ts';
import { openEngineProxy, type EngineProxy } from './testing/engine-proxy.ts';

const enginePath = '/var/run/docker.sock';
const engine = openEngine({ socketPath: enginePath });

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (await holds()) return;
    await wait(100);
  }
  assert.fail(`waited in vain: ${what}`);
}

suite('an engine that goes away and comes back', () => {
  const project = `megabot-faults-${randomUUID()}`;
  let root: string;
  let proxy: EngineProxy;
  const containers = async () => await engine.list({ [labels.project]: project });
  const open = async (pool: { min: number; max: number }): Promise<Harness> => {
    const workspaces = await openWorkspaceStore({ root });
    const driver = createDockerDriver({ project, instance: 'faults', stateFolder: join(root, 'replicas'), pool, tendMs: 300 }, { engine: openEngine(proxy), workspaces, logger: silentLogger() });
    return { driver, workspaces, close: async () => await driver.close() };
  };

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'megabot-faults-'));
    proxy = await openEngineProxy(join(root, 'engine.sock'), enginePath);
    const harness = await open({ min: 0, max: 0 });
    await runScript(harness, 'filled', 'echo kept > file');
    await harness.close();
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    assert.deepEqual(await containers(), [], 'containers were left behind');
    await rm(root, { recursive: true });
  });

  const cuts: readonly (readonly [string, RegExp, number, string])[] = [
    ['as a container is created', /POST .*\/containers\/create/, 1, 'engine_failure'],
    ['as its input is held open', /POST .*\/attach/, 1, 'engine_failure'],
    ['as it is started', /POST .*\/start /, 1, 'engine_failure'],
    ['as the launcher is made', /POST .*\/containers\/\w+\/exec/, 1, 'engine_failure'],
    ['as the launcher is started', /POST .*\/exec\/\w+\/start/, 1, 'engine_failure'],
    ['as the command has ended', /GET .*\/exec\/\w+\/json/, 1, 'engine_failure'],
    ['as the workspace is collected', /POST .*\/exec\/\w+\/start/, 2, 'engine_failure'],
    ['as the container is removed', /DELETE /, 1, 'exited'],
  ];
  for (const [when, request, occurrence, outcome] of cuts) {
    test(`${when}: one outcome, the workspace as it was or as it became, nothing left behind, and the next run works`, async () => {
      const harness = await open({ min: 0, max: 0 });
      const before = (await harness.workspaces.get('filled')).revision;
      // Away for long enough that the driver looks after its containers in vain.
      const back = proxy.cutAt(request, occurrence).then(async () => await wait(700)).then(() => proxy.restore());
      const result = await runScript(harness, 'filled', `echo ${when} >> file; echo ran`);
      assert.equal(result.outcome, outcome, result.detail ?? '');
      await back;
      assert.deepEqual(await harness.driver.reap(), []);
      await until('nothing is left', async () => (await containers()).length === 0 || ((await harness.driver.reap()), false));
      const after = (await harness.workspaces.get('filled')).revision;
      assert.equal(after !== before, outcome === 'exited');
      assert.equal(result.workspaceRevision, after);
      assert.equal(text((await runScript(harness, 'filled', 'echo again')).output.stdout), 'again\n');
      await harness.close();
    });
  }

  test('in the middle of a run, with others waiting: the run failed, the waiting ones are replaced', async () => {
    const harness = await open({ min: 2, max: 2 });
    await runScript(harness, 'pool', 'true');
    await until('the pool', async () => (await containers()).length === 2);
    const waiting = (await containers()).map(({ id }) => id);
    const result = await runScript(harness, 'pool', 'echo started; sleep 100', {}, undefined, () => {
      proxy.cut();
      setTimeout(() => proxy.restore(), 1_500);
    });
    assert.equal(result.outcome, 'engine_failure');
    await until('a new pool', async () => {
      if (!proxy.isCut) await harness.driver.reap();
      const now = (await containers()).map(({ id }) => id);
      return now.length === 2 && !now.some((id) => waiting.includes(id));
    });
    assert.equal(text((await runScript(harness, 'pool', 'echo again')).output.stdout), 'again\n');
    await harness.close();
  });

  test('away from the start: said as not ready, a run fails at once, and works when it is there', async () => {
    proxy.cut();
    const harness = await open({ min: 1, max: 1 });
    assert.equal((await harness.driver.ready()).ok, false);
    await assert.rejects(harness.driver.reap());
    assert.equal((await runScript(harness, 'away', 'true')).outcome, 'engine_failure');
    proxy.restore();
    assert.equal((await harness.driver.ready()).ok, true);
    assert.equal((await runScript(harness, 'away', 'true')).outcome, 'exited');
    await harness.close();
  });
});

suite('a service that is killed', () => {
  const killed: ReapedRun = { runId: 'doomed-run', permitId: 'doomed-permit', instance: 'doomed', reason: 'own_leftover' };
  const steps: readonly (readonly [string, readonly ReapedRun[], 'before' | 'after'])[] = [
    ['created', [], 'before'],
    ['started', [], 'before'],
    ['launcher ready', [], 'before'],
    ['running', [killed], 'before'],
    ['collecting', [killed], 'before'],
    ['removing', [], 'after'],
    ['ended', [], 'after'],
  ];
  for (const [step, expected, workspace] of steps) {
    test(`at "${step}": its container ends without it; the next one removes it and reports the run, once`, async () => {
      const project = `megabot-killed-${randomUUID()}`;
      const root = await mkdtemp(join(tmpdir(), 'megabot-killed-'));
      const containers = async () => await engine.list({ [labels.project]: project });
      const script = fileURLToPath(new URL('testing/doomed-service.ts', import.meta.url));
      const child = spawn(process.execPath, [script, '--root', root, '--project', project, '--instance', 'doomed', '--step', step], { stdio: 'inherit' });
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
      assert.equal(signal, 'SIGKILL');
      await until('its containers end by themselves', async () =>
        (await Promise.all((await containers()).map(async ({ id }) => await engine.state(id)))).every((state) => state === 'gone' || !state.running));

      const workspaces = await openWorkspaceStore({ root });
      const driver = createDockerDriver({ project, instance: 'doomed', stateFolder: join(root, 'replicas'), pool: { min: 1, max: 1 } }, { engine, workspaces, logger: silentLogger() });
      const reaped = await driver.reap();
      // The note of a run is taken away after its container: a kill in between may report a run that had ended.
      if (step === 'removing' && reaped.length > 0) assert.deepEqual(reaped, [killed]);
      else assert.deepEqual(reaped, expected);
      assert.deepEqual(await driver.reap(), []);
      const next = await runScript({ driver, workspaces, close: async () => undefined }, 'doomed', 'cat file 2>/dev/null; echo next');
      assert.equal(text(next.output.stdout), workspace === 'after' ? 'x\nnext\n' : 'next\n');
      await until('the pool is filled', async () => (await containers()).length === 1);
      await driver.close();
      assert.deepEqual(await containers(), []);
      await rm(root, { recursive: true });
    });
  }
});
