import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openPostgres } from '@megabot/postgres/pg.ts';
import { freePort } from './ports.ts';

const run = promisify(execFile);

export const postgresImage = 'pgvector/pgvector:pg17-trixie';
/** Every container made here carries this label, so that a runner can sweep up after a killed test. */
export const postgresLabel = 'megabot.test=postgres';

export interface TestPostgres {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly database: string;
  /** The container's id. */
  readonly container: string;
  /** SIGKILL to the server; it stays down, and its data, which lie in memory, are gone. */
  kill(): Promise<void>;
  /** Starts a killed server again, empty, on the same port, and waits until it answers. */
  start(): Promise<void>;
  /** What the server has logged so far. */
  logs(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts a real PostgreSQL with pgvector in a container, on a free port of 127.0.0.1, its data in memory.
 * Needs a Docker engine: only `*.it.test.ts` use it, and they fail, not skip, without one.
 * `serverOptions` are further arguments of the server, such as `['-c', 'log_statement=all']`.
 */
export async function startPostgres(serverOptions: readonly string[] = []): Promise<TestPostgres> {
  const password = randomBytes(24).toString('base64url');
  const superuser = 'postgres';
  const database = 'megabot';
  const port = await freePort();
  const { stdout } = await run(
    'docker',
    [
      'run', '--detach', '--label', postgresLabel, '--publish', `127.0.0.1:${port}:5432`,
      '--tmpfs', '/var/lib/postgresql/data:size=512m', '--env', 'POSTGRES_PASSWORD', '--env', `POSTGRES_DB=${database}`,
      postgresImage, 'postgres', '-c', 'fsync=off', ...serverOptions,
    ],
    { env: { ...process.env, POSTGRES_PASSWORD: password } },
  );
  const container = stdout.trim();
  const server = { host: '127.0.0.1', port, superuser, password, database, container };
  const close = async () => {
    await run('docker', ['rm', '--force', '--volumes', container]);
  };
  const logs = async () => {
    const { stdout: out, stderr } = await run('docker', ['logs', container]);
    return out + stderr;
  };
  try {
    await untilItAnswers(server);
  } catch (error) {
    const output = await logs().catch(() => '');
    await close();
    throw new Error(`PostgreSQL did not start:\n${output}`, { cause: error });
  }
  return {
    ...server,
    logs,
    close,
    async kill() {
      await run('docker', ['kill', container]);
    },
    async start() {
      await run('docker', ['start', container]);
      await untilItAnswers(server);
    },
  };
}

// While it initialises, the image runs a server without a TCP port, so an answer over TCP is the real one's.
async function untilItAnswers(server: Pick<TestPostgres, 'host' | 'port' | 'superuser' | 'password' | 'database'>): Promise<void> {
  await using db = openPostgres({
    host: server.host,
    port: server.port,
    user: server.superuser,
    password: server.password,
    database: server.database,
    poolSize: 1,
    applicationName: 'start',
    statementTimeoutMs: 2_000,
    logger: silentLogger(),
  });
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await db.ping();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(150);
    }
  }
}
