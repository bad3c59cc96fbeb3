import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../workspace/store.ts';
import { createDockerDriver } from './docker.ts';
import { openEngine } from './engine.ts';
import { soak, usageOf, type Usage } from './testing/soak.ts';

const full = process.env['MEGABOT_TEST_COUNTS'] === 'full';

test(`after ${full ? '2,000' : '100'} mixed runs nothing is left but what waits for the next`, async () => {
  const project = `megabot-soak-${randomUUID()}`;
  const root = await mkdtemp(join(tmpdir(), 'megabot-soak-'));
  const stateFolder = join(root, 'replicas');
  const engine = openEngine({ socketPath: '/var/run/docker.sock' });
  const workspaces = await openWorkspaceStore({ root });
  const driver = createDockerDriver({ project, instance: 'soak', stateFolder, pool: { min: 2, max: 2 } }, { engine, workspaces, logger: silentLogger() });
  const options = { harness: { driver, workspaces, close: async () => await driver.close() }, engine, project, stateFolder, atOnce: 4 };
  const settled = async (): Promise<Usage> => {
    let usage = await usageOf(options);
    for (let tries = 0; tries < 200 && !(usage.containers === 2 && usage.notes === 0); tries++) {
      await wait(100);
      usage = await usageOf(options);
    }
    return usage;
  };

  await driver.reap();
  // The first round makes what stays: connections, compiled code, the pool.
  await soak({ ...options, runs: 16, forMs: 60_000 });
  const before = await settled();
  const { done, wrong } = await soak({ ...options, runs: full ? 2_000 : 100, forMs: 300_000 });
  const after = await settled();
  process.stdout.write(`# ${done} runs; before ${JSON.stringify(before)}, after ${JSON.stringify(after)}\n`);
  assert.deepEqual(wrong, []);
  assert.deepEqual([after.containers, after.notes], [2, 0]);
  assert.ok(after.openFiles <= before.openFiles + 8, `${before.openFiles} open files before, ${after.openFiles} after`);
  assert.deepEqual(await driver.reap(), []);
  await driver.close();
  assert.equal((await usageOf(options)).containers, 0);
  await rm(root, { recursive: true });
});
