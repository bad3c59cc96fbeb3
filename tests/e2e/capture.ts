import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import type { Stack } from '@megabot/testing/stack.ts';

const run = promisify(execFile);

export interface Captured {
  readonly packets: number;
  readonly dropped: number;
  /** Packets with exactly one end in the project's networks, by `source > destination protocol`. */
  readonly leaks: Readonly<Record<string, number>>;
}

export interface Capture {
  /** Ends it, once, and tells what was seen. */
  stop(): Promise<Captured>;
}

/** The project's networks, as the engine made them. */
export async function subnetsOf(project: string): Promise<readonly string[]> {
  const { stdout: names } = await run('docker', ['network', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${project}`]);
  const { stdout } = await run('docker', ['network', 'inspect', '--format', '{{range .IPAM.Config}}{{println .Subnet}}{{end}}', ...names.trim().split('\n')]);
  return stdout.split('\n').filter((line) => line !== '');
}

/**
 * Begins to watch all interfaces of this host, from a container that is given the host's network and the one capability for
 * it, so that the test needs neither root nor a package.
 */
export async function startCapture(stack: Stack): Promise<Capture> {
  const program = fileURLToPath(new URL('./capture.py', import.meta.url));
  const container = `${stack.project}-capture`;
  await run('docker', ['rm', '--force', container]).catch(() => undefined);
  const watcher: ChildProcess = spawn('docker', [
    'run', '--rm', '--interactive', '--name', container, '--network', 'host', '--user', '0:0', '--read-only', '--cap-drop', 'ALL', '--cap-add', 'NET_RAW', '--cap-add', 'NET_ADMIN',
    '--volume', `${program}:/capture.py:ro`, 'megabot/sandbox:0.1.0', 'python3', '/capture.py', ...(await subnetsOf(stack.project)),
  ], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  watcher.stdout?.setEncoding('utf8').on('data', (text: string) => lines.push(text));
  await once(watcher.stdout!, 'data');
  let stopped: Promise<Captured> | undefined;
  const stop = async (): Promise<Captured> => {
    const ended = once(watcher, 'close');
    watcher.stdin?.end();
    await ended;
    return JSON.parse(lines.join('').split('\n').find((line) => line.startsWith('{')) ?? '{}') as Captured;
  };
  return { stop: async () => await (stopped ??= stop()) };
}

/** Sends one packet out of a network of the project, from a container of its own: what a capture has to notice. */
export async function sendStray(stack: Stack, destination: string): Promise<void> {
  await run('docker', [
    'run', '--rm', '--network', `${stack.project}_edge`, 'node:24-trixie-slim', 'node', '-e',
    `const socket = require('node:dgram').createSocket('udp4'); socket.send('stray', 9, '${destination}', () => socket.close())`,
  ]);
}
