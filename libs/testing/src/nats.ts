import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nkeys, type NatsConnection } from '@nats-io/transport-node';
import { openConnection } from '@megabot/bus/nats-connection.ts';
import { natsUsers, renderNatsUsers, type NatsUser } from '@megabot/contracts/permissions.ts';
import { provisionStreams, type ProvisionOptions } from '@megabot/init/provision-streams.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { freePort } from './ports.ts';

const run = promisify(execFile);
const image = 'nats:2.14-alpine';
/** Every container made here carries this label, so that a runner can sweep up after a killed test. */
export const natsLabel = 'megabot.test=nats';
const configuration = fileURLToPath(new URL('../../../infra/nats', import.meta.url));

/** A real NATS server with the project's own configuration, a key for each user, and the streams provisioned. */
export interface TestNats {
  readonly url: string;
  /** The nkey seed of each user. */
  readonly seeds: Readonly<Record<NatsUser, string>>;
  /** A plain connection as one user, without the bus library's own checks. */
  connect(user: NatsUser): Promise<NatsConnection>;
  /** SIGKILL to the server; its data stay. */
  kill(): Promise<void>;
  /** Starts a killed server again on the same port and waits until it answers. */
  start(): Promise<void>;
  logs(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts NATS in a container on a free port of 127.0.0.1. Needs a Docker engine.
 * `provision: false` leaves the streams to the caller.
 */
export async function startNats(options: ProvisionOptions & { provision?: boolean } = {}): Promise<TestNats> {
  const directory = await mkdtemp(join(tmpdir(), 'megabot-nats-'));
  const { seeds, users } = makeUsers();
  for (const name of ['users', 'data']) await mkdir(join(directory, name));
  await writeFile(join(directory, 'users', 'users.conf'), users);
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  const { stdout } = await run('docker', [
    'run', '--detach', '--label', natsLabel, '--publish', `127.0.0.1:${port}:4222`, '--user', `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
    '--volume', `${configuration}:/etc/megabot:ro`, '--volume', `${join(directory, 'users')}:/etc/megabot-users:ro`, '--volume', `${join(directory, 'data')}:/data`,
    image, '-c', '/etc/megabot/nats-server.conf',
  ]);
  const container = stdout.trim();
  const connect = async (user: NatsUser): Promise<NatsConnection> =>
    await openConnection({ user, servers: url, nkeySeed: seeds[user], logger: silentLogger(), connectDeadlineMs: 20_000 });
  const logs = async (): Promise<string> => {
    const { stdout: out, stderr } = await run('docker', ['logs', container]);
    return out + stderr;
  };
  const close = async (): Promise<void> => {
    await run('docker', ['rm', '--force', '--volumes', container]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const connection = await connect('init');
    if (options.provision !== false) await provisionStreams(connection, options);
    await connection.close();
  } catch (error) {
    const output = await logs().catch(() => '');
    await close();
    throw new Error(`NATS did not start:\n${output}`, { cause: error });
  }
  return {
    url, seeds, connect, logs, close,
    async kill() {
      await run('docker', ['kill', '--signal', 'KILL', container]);
    },
    async start() {
      await run('docker', ['start', container]);
      await (await connect('init')).close();
    },
  };
}

function makeUsers(): { seeds: Record<NatsUser, string>; users: string } {
  const seeds = {} as Record<NatsUser, string>;
  const publicKeys = {} as Record<NatsUser, string>;
  for (const user of natsUsers) {
    const pair = nkeys.createUser();
    seeds[user] = new TextDecoder().decode(pair.getSeed());
    publicKeys[user] = pair.getPublicKey();
  }
  return { seeds, users: renderNatsUsers(publicKeys) };
}
