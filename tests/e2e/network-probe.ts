import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import type { Stack, StackService } from '@megabot/testing/stack.ts';

const run = promisify(execFile);

export interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** `open`: somebody answered. `refused`: a host answered that nobody listens there. Anything else: nothing came back. */
export type Reach = 'open' | 'refused' | 'unreachable';

const script = `
const net = require('node:net');
const targets = JSON.parse(process.argv[1]);
const reach = ({ host, port }) => new Promise((resolve) => {
  const socket = net.connect({ host, port });
  const end = (how) => { clearTimeout(timer); socket.destroy(); resolve(how); };
  // On a loaded machine the time may be up before an answer that has come was looked at: that is looked at first.
  const timer = setTimeout(() => setImmediate(() => end('unreachable')), 1500);
  socket.on('connect', () => end('open'));
  socket.on('error', (error) => end(error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable'));
});
Promise.all(targets.map(reach)).then((found) => process.stdout.write(JSON.stringify(found)));
`;

/**
 * Tries to connect from inside a service's container. Images without Node are entered by a container that shares their
 * network and nothing else.
 */
export async function reachFrom(stack: Stack, service: StackService, targets: readonly Target[]): Promise<Readonly<Record<string, Reach>>> {
  const { id } = await stack.container(service);
  const inside = service === 'nats' || service === 'postgres' ? ['run', '--rm', '--network', `container:${id}`, 'node:24-trixie-slim', 'node'] : ['exec', id, 'node'];
  const { stdout } = await run('docker', [...inside, '-e', script, JSON.stringify(targets)]);
  const found = JSON.parse(stdout) as Reach[];
  return Object.fromEntries(targets.map((target, index) => [target.name, found[index] ?? 'unreachable']));
}

/** Listens on every address of this host, as a careless program of the owner's would. */
export async function listenOnHost(): Promise<{ port: number; close(): Promise<void> }> {
  const server: Server = createServer((socket) => {
    // A probe hangs up as soon as it is connected.
    socket.on('error', () => undefined).end('hello\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: async () => await new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** Listens on 127.0.0.1 alone, on the first of these ports that is free. */
export async function listenOnLoopback(ports: readonly number[]): Promise<{ port: number; close(): Promise<void> }> {
  for (const port of ports) {
    const server = createServer((socket) => socket.on('error', () => undefined).end('hello\n'));
    const free = await new Promise<boolean>((resolve) => server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
    if (free) return { port, close: async () => await new Promise<void>((resolve) => server.close(() => resolve())) };
  }
  throw new Error(`none of the ports ${ports.join(', ')} is free on this machine`);
}

export interface OutsideMachine {
  readonly address: string;
  /** This host's own address in that network. */
  readonly hostAddress: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * A machine in the owner's LAN: a network namespace that this host routes to and that, like such a machine, knows no way back
 * to the engine's networks. Needs root: undefined without.
 */
export async function outsideMachine(): Promise<OutsideMachine | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [name, link] = ['megabot-lan', 'megabot-lan0'];
  const [hostAddress, address, port] = ['10.231.99.1', '10.231.99.2', 8080];
  const ip = async (...command: string[]): Promise<void> => {
    await run('ip', command);
  };
  const remove = async (): Promise<void> => {
    await ip('link', 'delete', link).catch(() => undefined);
    await ip('netns', 'delete', name).catch(() => undefined);
  };
  await remove();
  await ip('netns', 'add', name);
  await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  await ip('address', 'add', `${hostAddress}/24`, 'dev', link);
  await ip('link', 'set', link, 'up');
  await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await ip('-n', name, 'link', 'set', 'eth0', 'up');
  const listener = execFile('ip', ['netns', 'exec', name, process.execPath, '-e', `require('node:net').createServer((socket) => socket.end('hello\\n')).listen(${port}, '0.0.0.0', () => process.stdout.write('ready'))`]);
  await new Promise<void>((resolve, reject) => {
    listener.stdout?.once('data', () => resolve());
    listener.once('exit', () => reject(new Error('the machine outside did not start')));
  });
  return {
    address,
    hostAddress,
    port,
    async close() {
      listener.kill('SIGKILL');
      await remove();
    },
  };
}

/** Whether a container in an ordinary network of the engine reaches a target: shows that the target is there to be reached. */
export async function ordinaryContainerReaches(target: Target): Promise<Reach> {
  const { stdout } = await run('docker', ['run', '--rm', 'node:24-trixie-slim', 'node', '-e', script, JSON.stringify([target])]);
  return (JSON.parse(stdout) as Reach[])[0] ?? 'unreachable';
}
