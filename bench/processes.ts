import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

export type Environment = Readonly<Record<string, string | undefined>>;

export const root = fileURLToPath(new URL('../', import.meta.url));

export interface CommandOptions {
  readonly environment?: Environment;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Runs a program in the project's root and gives what it wrote. @throws with the end of that where it fails. */
export async function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const child = launch(program, args, options.environment);
  let output = '';
  child.stdout?.on('data', (data: Buffer) => (output += data.toString('utf8')));
  child.stderr?.on('data', (data: Buffer) => (output += data.toString('utf8')));
  const stop = (): void => void child.kill('SIGTERM');
  const timer = setTimeout(stop, options.timeoutMs ?? 180_000);
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    // `exit`, not `close`: what it leaves running in the background may hold its output open.
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code ?? 'a signal'}: ${stripVTControlCharacters(output).trim().slice(-800)}`);
    return output;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', stop);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/** Starts a program that stays. Its output is piped; read it or it blocks. */
export function launch(program: string, args: readonly string[], environment?: Environment): ChildProcess {
  return spawn(program, args, { cwd: root, env: { ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Asks a process to end, and makes it after `graceMs`. */
export async function end(child: ChildProcess, graceMs = 15_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(timer);
}

/** Resolves when `url` answers 200. Looks every 20 ms, which bounds what the look itself adds. */
export async function untilReady(url: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<void> {
  const limit = AbortSignal.any([AbortSignal.timeout(options.timeoutMs), ...(options.signal ? [options.signal] : [])]);
  while (!limit.aborted) {
    const answer = await fetch(url, { signal: AbortSignal.any([limit, AbortSignal.timeout(1_000)]) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await delay(20);
  }
  throw new Error(`${url} did not become ready in ${options.timeoutMs} ms`);
}

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly residentBytes: number;
  /** Resident, with each shared page divided among those who share it: what the process costs the machine. */
  readonly proportionalBytes: number;
  readonly commandLine: string;
}

/** Every process of this machine that can be read, from Linux's /proc. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(pids.map(async (pid) => await readProcess(Number(pid)).catch(() => undefined)));
  return entries.filter((entry) => entry !== undefined);
}

async function readProcess(pid: number): Promise<ProcessEntry> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
  return { pid, parent: field('PPid'), residentBytes: field('VmRSS') * 1024, proportionalBytes: 0, commandLine };
}

/** A process and all that descend from it. @throws where their memory cannot be read, which takes being their user, or root. */
export async function processTree(rootPid: number): Promise<ProcessEntry[]> {
  const all = await listProcesses();
  const tree = all.filter((entry) => entry.pid === rootPid);
  for (const parent of tree) tree.push(...all.filter((entry) => entry.parent === parent.pid));
  return await Promise.all(
    tree.map(async (entry) => {
      const rollup = await readFile(`/proc/${entry.pid}/smaps_rollup`, 'utf8').catch((error: NodeJS.ErrnoException) => {
        // It has ended, and perhaps nobody has asked how: it has no memory any more.
        if (error.code === 'ESRCH' || error.code === 'ENOENT') return '';
        throw error;
      });
      return { ...entry, proportionalBytes: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024 };
    }),
  );
}

/** Processes that inherited this variable, also those that left their parent. */
export async function processesWith(name: string, value: string): Promise<ProcessEntry[]> {
  const found: ProcessEntry[] = [];
  for (const entry of await listProcesses()) {
    const environment = await readFile(`/proc/${entry.pid}/environ`, 'utf8').catch(() => '');
    if (environment.split('\0').includes(`${name}=${value}`)) found.push(entry);
  }
  return found;
}
