import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import { packItems } from '../workspace/items.ts';
import { openWorkspaceStore, type WorkspaceStore } from '../workspace/store.ts';
import { collectExec, fillExec } from './container-spec.ts';
import { createDockerDriver } from './docker.ts';
import { limits, runScript } from './driver-compliance.ts';
import type { Engine, EngineExec } from './engine.ts';
import type { OutputChunk, SandboxDriver } from './port.ts';

type Step = 'create' | 'lost create' | 'start' | 'fill' | 'command' | 'collect' | 'removal';
type Fault = 'fails' | 'hangs';

/** An engine in memory that does what a run needs, but for one step. */
function faultyEngine(step: Step | undefined, fault: Fault): Engine & { readonly containers: Map<string, Readonly<Record<string, string>>> } {
  const containers = new Map<string, Readonly<Record<string, string>>>();
  let removals = 0;
  const at = async (now: Step): Promise<void> => {
    if (now !== step) return;
    if (fault === 'hangs') await new Promise(() => undefined);
    throw new Error(`${now} failed`);
  };
  const answering = (chunks: () => AsyncIterable<OutputChunk>): EngineExec => ({ output: chunks(), exitCode: async () => 0, detach: () => undefined });
  return {
    containers,
    version: async () => '0',
    hasImage: async () => true,
    create: async (options) => {
      await at('create');
      const id = `container-${containers.size}`;
      containers.set(id, options.Labels ?? {});
      await at('lost create');
      return id;
    },
    start: async () => await at('start'),
    exec: async (_id, spec, stdin) => {
      if (spec === fillExec) {
        await at('fill');
        if (stdin) await buffer(stdin);
        return answering(async function* () {});
      }
      if (spec !== collectExec) {
        await at('command');
        return answering(async function* () {
          yield { stream: 'stdout', bytes: Buffer.from('ran') };
        });
      }
      await at('collect');
      return answering(async function* () {
        for await (const bytes of packItems([{ type: 'file', path: 'made', mode: 0o644, mtime: new Date(0), bytes: Buffer.from('x') }])) {
          yield { stream: 'stdout' as const, bytes: bytes as Uint8Array };
        }
      });
    },
    state: async (id) => (containers.has(id) ? { running: true, oomKilled: false } : 'gone'),
    kill: async () => undefined,
    remove: async (id) => {
      // The first attempt alone: an engine that is busy once must not leave a container behind.
      if (removals++ === 0) await at('removal');
      containers.delete(id);
    },
    list: async (labels) =>
      [...containers]
        .filter(([, own]) => Object.entries(labels).every(([name, value]) => own[name] === value))
        .map(([id, own]) => ({ id, labels: own })),
  };
}

suite('a run on an engine that fails', () => {
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
  const driverOn = (engine: Engine): SandboxDriver =>
    createDockerDriver({ project: 'p', instance: 'i', engineStepMs: 100 }, { engine, workspaces, logger: silentLogger() });

  for (const step of ['create', 'lost create', 'start', 'fill', 'command', 'collect'] as const) {
    for (const fault of ['fails', 'hangs'] as const) {
      test(`is an engine failure, keeps the workspace and leaves no container when ${step} ${fault}`, async () => {
        const engine = faultyEngine(step, fault);
        const { revision } = await workspaces.get('full');
        const result = await runScript({ driver: driverOn(engine), workspaces, close: async () => undefined }, 'full', 'true');
        assert.deepEqual([result.outcome, result.exitCode, result.workspaceChanged], ['engine_failure', null, false]);
        assert.ok(result.detail);
        assert.equal((await workspaces.get('full')).revision, revision);
        assert.equal(engine.containers.size, 0);
      });
    }
  }

  for (const fault of ['fails', 'hangs'] as const) {
    test(`comes to its end and leaves no container when the first removal ${fault}`, async () => {
      const engine = faultyEngine('removal', fault);
      const result = await runScript({ driver: driverOn(engine), workspaces, close: async () => undefined }, `removal ${fault}`, 'true');
      assert.deepEqual([result.outcome, result.exitCode, result.workspaceChanged], ['exited', 0, true]);
      assert.equal(engine.containers.size, 0);
    });
  }

  test('can be cancelled while the engine hangs, and leaves no container', async () => {
    const engine = faultyEngine('start', 'hangs');
    const driver = createDockerDriver({ project: 'p', instance: 'i', engineStepMs: 60_000 }, { engine, workspaces, logger: silentLogger() });
    const controller = new AbortController();
    setImmediate(() => setImmediate(() => controller.abort('lockdown')));
    const result = await runScript({ driver, workspaces, close: async () => undefined }, 'cancelled', 'true', {}, controller.signal);
    assert.deepEqual([result.outcome, result.cancelReason], ['cancelled', 'lockdown']);
    assert.equal(engine.containers.size, 0);
  });

  test('does not start on a stored workspace that is damaged', async () => {
    const engine = faultyEngine(undefined, 'fails');
    const { WorkspaceRefusedError } = await import('../workspace/archive-entry.ts');
    const damaged = { conversation: 'damaged', revision: 'r', bytes: 1, readTar: () => new Readable({ read() { this.destroy(new WorkspaceRefusedError('corrupt', 'the stored workspace is not what was stored')); } }) };
    const result = await runScript({ driver: driverOn(engine), workspaces, close: async () => undefined }, 'damaged', 'true', { workspace: damaged });
    assert.deepEqual([result.outcome, result.output.chunks.length], ['engine_failure', 0]);
    assert.match(result.detail ?? '', /not what was stored/);
    assert.equal(engine.containers.size, 0);
  });
});
