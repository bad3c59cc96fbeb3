import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { neutralText } from '@megabot/contracts/neutral-text.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../../workspace/store.ts';
import { labels } from '../container-spec.ts';
import { createDockerDriver } from '../docker.ts';
import { runScript, type Harness } from '../driver-compliance.ts';
import { openEngine } from '../engine.ts';
import type { RunResult } from '../port.ts';
import { holds } from './probe-language.ts';

const probeSchema = z.object({ id: z.string(), script: z.string(), expect: z.string(), why: z.string() });
type Probe = z.infer<typeof probeSchema>;

/**
 * What the probes were written for; all else is as a new installation has it. A quarter of a processor, since one that waits for a
 * whole one to be exceeded would have to find it idle.
 */
const limits = { wallMs: 5_000, memoryBytes: 256 * 2 ** 20, pids: 128, cpus: 0.25, outputBytes: 2 ** 20, workspaceBytes: 256 * 2 ** 20 };
const secretFolder = '/srv/probe';

async function probesOf(file: string): Promise<readonly Probe[]> {
  const text = await readFile(new URL(file, import.meta.url), 'utf8');
  // The sandboxed user is another one here; nothing else of a probe is changed.
  return text.trim().split('\n').map((line) => probeSchema.parse(JSON.parse(line))).map((probe) => ({ ...probe, expect: probe.expect.replaceAll('65534', '10002') }));
}
const given = (await probesOf('containment-probes.jsonl')).map((probe) => ({ ...probe, shell: 'sh' }));
const own = (await probesOf('more-probes.jsonl')).map((probe) => ({ ...probe, shell: 'bash' }));

const engine = openEngine({ socketPath: '/var/run/docker.sock' });

/** Probes in a container of one kind, every so-many-th of each list; prints which held. `waiting` containers are ready for each, or none. */
export function probeSuite(kind: string, waiting: number, every: { readonly given: number; readonly own: number }): void {
  const some = (list: typeof given, step: number) => list.filter((_, index) => index % step === 0);
  const probes = [...some(given, every.given), ...some(own, every.own)];
  const pool = { min: waiting, max: waiting };
  suite(`a container ${kind} holds`, () => {
    const project = `megabot-probes-${randomUUID()}`;
    const held: string[] = [];
    const other = new AbortController();
    let harness: Harness;
    let root: string;
    let otherRun: Promise<RunResult>;

    const containers = async (): Promise<readonly string[]> => (await engine.list({ [labels.project]: project })).map((container) => container.id);

    before(async () => {
      root = await mkdtemp(join(tmpdir(), 'megabot-probes-'));
      const workspaces = await openWorkspaceStore({ root });
      const driver = createDockerDriver({ project, instance: 'probes', stateFolder: join(root, 'replicas'), pool }, { engine, workspaces, logger: silentLogger() });
      harness = { driver, workspaces, close: async () => await driver.close() };
      // Something to find: a file of the host, where this test may write one, and a run that goes on beside all probes.
      await mkdir(secretFolder, { recursive: true }).then(async () => await writeFile(join(secretFolder, 'host-secret.txt'), 'HOST-SECRET\n')).catch(() => undefined);
      otherRun = runScript(harness, 'run-b', 'echo OTHER-RUN > other-run-marker.txt; echo ready; exec sleep 3000', { limits: { ...limits, wallMs: 3_000_000 } }, other.signal);
      await runScript(harness, 'first', 'true', { limits });
      await untilThere(1 + pool.min);
    });
    after(async () => {
      process.stdout.write(`# a container ${kind}: ${held.length} of ${probes.length} probes held: ${held.join(' ')}\n`);
      other.abort('cancel');
      await otherRun;
      await harness.close();
      assert.deepEqual(await containers(), [], 'containers were left behind');
      await rm(root, { recursive: true });
      await rm(secretFolder, { recursive: true }).catch(() => undefined);
    });
    const untilThere = async (count: number, all = (_ids: readonly string[]): boolean => true): Promise<boolean> => {
      for (let tries = 0; tries < 80; tries++) {
        const ids = await containers();
        if (ids.length === count && all(ids)) return true;
        await wait(100);
      }
      return false;
    };

    for (const { id, script, expect, why, shell } of probes) {
      test(`${id}: ${why}`, async () => {
        const earlier = await containers();
        const started = performance.now();
        const result = await runScript(harness, `probe ${id}`, script, { argv: [shell, '-c', script], limits });
        const seconds = (performance.now() - started) / 1_000;
        const output = Buffer.concat(result.output.chunks.map((chunk) => chunk.bytes)).toString();
        // One that waited is gone, and another waits in its place; or the one that was made is.
        const gone = await untilThere(1 + pool.min, (ids) => ids.filter((one) => earlier.includes(one)).length === Math.max(1, pool.min));
        const outcome = { outcome: result.outcome, exitCode: result.exitCode, output, shown: neutralText(output), truncated: result.truncated, seconds, gone };
        const { outcome: how, exitCode } = outcome;
        assert.ok(holds(expect, outcome), `expected ${expect}; ${how}, exit ${exitCode}, ${seconds.toFixed(1)} s, gone ${gone}, ${result.detail ?? ''}\n${output.slice(0, 2_000)}`);
        assert.ok(gone, 'its container is still there');
        held.push(id);
      });
    }
  });
}
