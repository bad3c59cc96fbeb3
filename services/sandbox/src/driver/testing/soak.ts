import { readdir, readFile } from 'node:fs/promises';
import { labels } from '../container-spec.ts';
import { runScript, text, type Change, type Harness } from '../driver-compliance.ts';
import type { Engine } from '../engine.ts';
import type { RunResult } from '../port.ts';

/** One kind of short run, and what has to come of it. `interfere` gets the run as soon as it printed something. */
interface Errand {
  readonly script: string;
  readonly change?: Change;
  readonly interfere?: 'cancel' | 'kill the container';
  readonly expected: (result: RunResult) => boolean;
}

const exits = (code: number) => (result: RunResult) => result.outcome === 'exited' && result.exitCode === code;

/** A day's work: mostly commands that succeed, and each way in which one can fail. */
const errands: readonly Errand[] = [
  { script: 'echo one', expected: (result) => exits(0)(result) && text(result.output.stdout) === 'one\n' },
  { script: 'echo x >> file; wc -l < file', expected: exits(0) },
  { script: 'ls; cat file', expected: (result) => result.outcome === 'exited' },
  { script: 'printf two; exit 7', expected: exits(7) },
  { script: 'seq 20000', expected: (result) => exits(0)(result) && result.truncated },
  { script: 'cat', change: { stdin: 'input' }, expected: (result) => exits(0)(result) && text(result.output.stdout) === 'input' },
  { script: 'sleep 100 & sleep 100 & echo left', expected: exits(0) },
  { script: 'no-such-command', expected: exits(127) },
  { script: 'kill -9 $$', expected: (result) => result.outcome === 'signalled' },
  { script: 'sleep 100', change: { limits: { wallMs: 300 } }, expected: (result) => result.outcome === 'timeout' },
  { script: 'echo started; sleep 100', interfere: 'cancel', expected: (result) => result.outcome === 'cancelled' },
  { script: 'echo started; sleep 100', interfere: 'kill the container', expected: (result) => result.outcome === 'engine_failure' },
  { script: 'python3 -c "x = bytearray(600 << 20)"', expected: (result) => result.outcome === 'oom' },
  { script: 'rm -f file; mkfifo pipe', expected: exits(0) },
  { script: 'true', change: { cwd: '/etc' }, expected: (result) => result.outcome === 'refused' },
];

export interface Usage {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly openFiles: number;
  readonly containers: number;
  /** Notes of runs that are not known to have ended. */
  readonly notes: number;
}

export interface SoakOptions {
  readonly harness: Harness;
  readonly engine: Engine;
  readonly project: string;
  readonly stateFolder: string;
  readonly runs: number;
  readonly atOnce: number;
  /** No run is begun after so many milliseconds. */
  readonly forMs: number;
  readonly onProgress?: (done: number, usage: Usage) => void;
}

/** Does the errands in turn, several at once, each in a conversation of its lane. @returns how many were done and which went wrong. */
export async function soak(options: SoakOptions): Promise<{ done: number; wrong: readonly string[] }> {
  const { harness } = options;
  const wrong: string[] = [];
  const startedAt = performance.now();
  let next = 0;
  let done = 0;
  const lane = async (conversation: string): Promise<void> => {
    while (next < options.runs && performance.now() - startedAt < options.forMs) {
      const errand = errands[next++ % errands.length];
      if (!errand) return;
      const result = await run(errand, conversation);
      if (!errand.expected(result)) wrong.push(`${errand.script}: ${result.outcome} ${result.exitCode} ${result.detail ?? ''}`);
      if (++done % 100 === 0) options.onProgress?.(done, await usageOf(options));
    }
  };
  const run = async (errand: Errand, conversation: string): Promise<RunResult> => {
    const abort = new AbortController();
    const runId = `soak-${crypto.randomUUID()}`;
    const onOutput = (): void => {
      if (errand.interfere === 'cancel') abort.abort('cancel');
      if (errand.interfere === 'kill the container') void killContainerOf(runId, options).catch(() => abort.abort('cancel'));
    };
    return await runScript(harness, conversation, errand.script, { ...errand.change, runId }, abort.signal, onOutput);
  };
  await Promise.all(Array.from({ length: options.atOnce }, async (_, index) => await lane(`lane ${index}`)));
  return { done, wrong };
}

/** Which container it is only the notes say: the engine is not told. */
async function killContainerOf(runId: string, { engine, project, stateFolder }: SoakOptions): Promise<void> {
  for (const path of await notesIn(stateFolder)) {
    const note = await readFile(path, 'utf8').catch(() => '');
    if (!note.includes(runId)) continue;
    const { boxId } = JSON.parse(note) as { boxId: string };
    for (const { id } of await engine.list({ [labels.project]: project, [labels.box]: boxId })) await engine.kill(id);
  }
}

async function notesIn(stateFolder: string): Promise<string[]> {
  const names = await readdir(stateFolder, { recursive: true }).catch(() => []);
  return names.filter((name) => /run-[^/]*\.json$/.test(name) && name.includes('/')).map((name) => `${stateFolder}/${name}`);
}

/** What this process and the engine hold just now. */
export async function usageOf({ engine, project, stateFolder }: Pick<SoakOptions, 'engine' | 'project' | 'stateFolder'>): Promise<Usage> {
  const { rss, heapUsed } = process.memoryUsage();
  const [files, containers, notes] = await Promise.all([readdir('/proc/self/fd'), engine.list({ [labels.project]: project }), notesIn(stateFolder)]);
  return { residentBytes: rss, heapBytes: heapUsed, openFiles: files.length, containers: containers.length, notes: notes.length };
}
