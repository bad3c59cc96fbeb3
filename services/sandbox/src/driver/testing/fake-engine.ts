import { PassThrough, type Readable } from 'node:stream';
import { packItems } from '../../workspace/items.ts';
import { launcherExec } from '../container-spec.ts';
import type { Engine, EngineExec } from '../engine.ts';
import type { OutputChunk } from '../port.ts';

export type Step = 'info' | 'create' | 'lost create' | 'start' | 'launcher' | 'fill' | 'command' | 'collect' | 'removal';
export type Fault = 'fails' | 'hangs';

export interface FakeEngine extends Engine {
  readonly containers: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** What launchers were told, one text for each container that was told anything. */
  readonly told: ReadonlyMap<string, string>;
  /** Names of the calls, in order. */
  readonly calls: readonly string[];
  /** Ends a container as something outside would. */
  end(id: string): void;
  /** The step that goes wrong from now on. */
  fault: { step: Step; fault: Fault } | undefined;
}

/** An engine in memory that does what a run needs, but for one step. Every command prints `ran` and leaves a file `made`. */
export function fakeEngine(step?: Step, fault: Fault = 'fails'): FakeEngine {
  const containers = new Map<string, Readonly<Record<string, string>>>();
  const endings = new Map<string, () => void>();
  const told = new Map<string, string>();
  const calls: string[] = [];
  let made = 0;
  let removals = 0;

  const at = async (now: Step): Promise<void> => {
    if (engine.fault?.step !== now) return;
    if (engine.fault.fault === 'hangs') await new Promise(() => undefined);
    throw new Error(`${now} failed`);
  };
  const answering = (output: AsyncIterable<OutputChunk>, input = new PassThrough()): EngineExec => ({
    input, output, exitCode: async () => 0, detach: () => void input.destroy(),
  });

  /** Says the mark once it has the run, then what the command says. */
  const launcher = (id: string): EngineExec => {
    const input = new PassThrough();
    endings.set(id, () => input.destroy());
    const output = async function* (): AsyncGenerator<OutputChunk> {
      const words = await lineOf(input, (text) => told.set(id, (told.get(id) ?? '') + text));
      if (words === undefined) return;
      await at('fill');
      if (words.includes("' 'yes' '") && !told.get(id)?.endsWith('0\ngo\n')) return;
      yield { stream: 'stdout', bytes: Buffer.from('+') };
      await at('command');
      yield { stream: 'stdout', bytes: Buffer.from('ran') };
    };
    return answering(output(), input);
  };
  const collected = async function* (): AsyncGenerator<OutputChunk> {
    await at('collect');
    const tar = packItems([{ type: 'file', path: 'made', mode: 0o644, mtime: new Date(0), bytes: Buffer.from('x') }]);
    for await (const bytes of tar) yield { stream: 'stdout' as const, bytes: bytes as Uint8Array };
  };

  const engine: FakeEngine = {
    containers,
    told,
    calls,
    fault: step && { step, fault },
    end: (id) => {
      containers.delete(id);
      endings.get(id)?.();
    },
    info: async () => {
      await at('info');
      return { version: '0', runtimes: ['runc'], defaultRuntime: 'runc', cgroupDriver: 'cgroupfs', securityOptions: [] };
    },
    imageId: async (image) => `sha256:${image}`,
    create: async (options) => {
      calls.push('create');
      await at('create');
      const id = `container-${made++}`;
      containers.set(id, options.Labels ?? {});
      await at('lost create');
      return id;
    },
    start: async (id) => {
      calls.push('start');
      await at('start');
      return { release: () => endings.get(id)?.() };
    },
    exec: async (id, spec) => {
      calls.push(spec === launcherExec ? 'launcher' : 'collect');
      if (spec !== launcherExec) return answering(collected());
      await at('launcher');
      return launcher(id);
    },
    state: async (id) => (containers.has(id) ? { running: true, oomKilled: false } : 'gone'),
    kill: async () => undefined,
    remove: async (id) => {
      // The first attempt alone: an engine that is busy once must not leave a container behind.
      if (removals++ === 0) await at('removal');
      engine.end(id);
    },
    list: async (labels) =>
      [...containers]
        .filter(([, own]) => Object.entries(labels).every(([name, value]) => own[name] === value))
        .map(([id, own]) => ({ id, labels: own })),
  };
  return engine;
}

/** The first line, once all that belongs to the run has come; undefined when the input ends before. */
async function lineOf(input: Readable, onText: (text: string) => void): Promise<string | undefined> {
  let text = '';
  try {
    for await (const chunk of input) {
      text += Buffer.from(chunk as Uint8Array).toString('latin1');
      onText(Buffer.from(chunk as Uint8Array).toString('latin1'));
    }
  } catch {
    return undefined;
  }
  const end = text.indexOf('\n');
  return end < 0 ? undefined : text.slice(0, end);
}
