import { execFile, spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { freePorts } from './ports.ts';
import { containersOf, inspectContainer, type ContainerState } from './stack-containers.ts';

const run = promisify(execFile);
export const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** The services that keep running, as `docker-compose.yml` names them. */
export const stackServices = ['gateway', 'ui', 'orchestrator', 'interlock', 'memory', 'sandbox', 'nats', 'postgres'] as const;
export type StackService = (typeof stackServices)[number] | 'model';

export interface StackOptions {
  /** Names the Compose project, apart from the owner's own. */
  readonly name?: string;
  /** Three numbers of the network that reaches the host, for instance `10.231.90`. */
  readonly egressPrefix?: string;
  /** The text of `meta-config.yaml`; left out, `make up` writes its own. */
  readonly configuration?: string;
  /** Added to the environment of `make up`, over what the harness sets. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Executed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A whole MegaBot on the local engine, beside any other, with the scripted model in its network `egress`. */
export interface Stack {
  readonly project: string;
  /** Where its `.env`, secrets and configuration live. */
  readonly home: string;
  readonly httpUrl: string;
  readonly uiUrl: string;
  readonly wsUrl: string;
  readonly token: string;
  readonly password: string;
  /** The host's address in the network `egress`. */
  readonly egressHost: string;
  /** What `make up` printed the first time. */
  readonly printed: string;
  /** What `make up` and the engine's tools are run with. */
  readonly environment: NodeJS.ProcessEnv;
  /** Runs `make up` again, and returns what it printed. */
  up(): Promise<string>;
  container(service: StackService): Promise<ContainerState>;
  containers(): Promise<readonly ContainerState[]>;
  exec(service: StackService, command: readonly string[]): Promise<Executed>;
  logs(service: StackService): Promise<string>;
  /** SIGKILL to the container's main process from the host, so that the restart policy acts. Resolves when it is gone. */
  kill(service: StackService): Promise<void>;
  /** Until the container runs and its health check passed since its last start. */
  waitHealthy(service: StackService, timeoutMs?: number): Promise<void>;
  /** Stops it and removes its data. */
  down(): Promise<void>;
}

/**
 * Starts a MegaBot by `infra/host/up.sh` in a new home, with data of its own. What an interrupted earlier run left under the
 * same name is removed first.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const [http, ui, ws] = (await freePorts(3)) as [number, number, number];
  const installation = installationOf(options, { http, ui, ws });
  await removeInstallation(installation);
  await mkdir(installation.home, { recursive: true, mode: 0o755 });
  await writeFile(join(installation.home, 'ports.json'), JSON.stringify({ http, ui, ws }));
  if (options.configuration !== undefined) {
    await mkdir(join(installation.home, 'config'));
    await writeFile(join(installation.home, 'config', 'meta-config.yaml'), options.configuration);
  }
  return await stackOf(installation, options, await makeUp(installation));
}

/** The stack that an earlier `startStack` with the same options left running; undefined where there is none. For development. */
export async function attachStack(options: StackOptions = {}): Promise<Stack | undefined> {
  const { home } = installationOf(options, { http: 0, ui: 0, ws: 0 });
  const ports = await readFile(join(home, 'ports.json'), 'utf8').catch(() => undefined);
  if (ports === undefined) return undefined;
  const installation = installationOf(options, JSON.parse(ports) as Ports);
  return await stackOf(installation, options, '');
}

interface Ports {
  readonly http: number;
  readonly ui: number;
  readonly ws: number;
}

interface Installation {
  readonly project: string;
  readonly home: string;
  readonly prefix: string;
  readonly ports: Ports;
  readonly environment: NodeJS.ProcessEnv;
}

function installationOf(options: StackOptions, ports: Ports): Installation {
  const project = options.name ?? 'megabot-e2e';
  const prefix = options.egressPrefix ?? '10.231.90';
  const home = join(tmpdir(), `${project}-home`);
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    COMPOSE_PROJECT_NAME: project,
    COMPOSE_FILE: 'docker-compose.yml:compose.test.yml',
    MEGABOT_HOME: home,
    MEGABOT_PORT: String(ports.http),
    MEGABOT_UI_PORT: String(ports.ui),
    MEGABOT_WS_PORT: String(ports.ws),
    MEGABOT_EGRESS_SUBNET: `${prefix}.0/24`,
    MEGABOT_EGRESS_HOST: `${prefix}.1`,
    MEGABOT_MODEL_URL: 'http://model:8080/v1',
    MEGABOT_MODEL: 'scripted',
    // Whatever else listens on this machine must not decide what is tested.
    MEGABOT_HOSTLINK: 'on',
    // Long enough for a loaded machine, short enough to wait for in a test.
    MEGABOT_MODEL_IDLE_SECONDS: '6',
    ...options.environment,
  };
  return { project, home, prefix, ports, environment };
}

async function removeInstallation({ project, home, environment }: Installation): Promise<void> {
  await run('docker', ['compose', '--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '3'], { cwd: repository, env: environment });
  const { stdout } = await run('docker', ['ps', '--all', '--quiet', '--filter', `label=megabot.project=${project}`]);
  const runs = stdout.split('\n').filter((id) => id !== '');
  if (runs.length > 0) await run('docker', ['rm', '--force', ...runs]);
  await rm(home, { recursive: true, force: true });
}

async function makeUp({ environment }: Installation): Promise<string> {
  const { code, stdout, stderr } = await execute('infra/host/up.sh', [], environment);
  if (code !== 0) throw new Error(`make up failed with ${code}: ${stderr}\n${stdout}`);
  return stdout;
}

async function stackOf(installation: Installation, options: StackOptions, printed: string): Promise<Stack> {
  const { project, home, prefix, ports, environment } = installation;
  const secret = async (name: string): Promise<string> => (await readFile(join(home, 'secrets', name), 'utf8')).trim();
  const container = async (service: StackService): Promise<ContainerState> => {
    const [id] = await containersOf(project, service);
    if (id === undefined) throw new Error(`there is no container of ${service}`);
    return await inspectContainer(id);
  };

  return {
    project,
    home,
    httpUrl: `http://127.0.0.1:${ports.http}`,
    uiUrl: `http://127.0.0.1:${ports.ui}`,
    wsUrl: `ws://127.0.0.1:${ports.ws}`,
    token: options.environment?.['MEGABOT_AUTH_TOKEN'] ?? (await secret('auth_token')),
    password: options.environment?.['MEGABOT_WS_PASSWORD'] ?? (await secret('ws_password')),
    egressHost: `${prefix}.1`,
    printed,
    environment,
    up: async () => await makeUp(installation),
    container,
    containers: async () => await Promise.all((await containersOf(project)).map(async (id) => await inspectContainer(id))),
    exec: async (service, command) => await execute('docker', ['exec', (await container(service)).id, ...command], environment),
    logs: async (service) => {
      const { stdout, stderr } = await execute('docker', ['logs', (await container(service)).id], environment);
      return stdout + stderr;
    },
    async kill(service) {
      const before = await container(service);
      await killOnHost(before.pid);
      for (;;) {
        const now = await container(service);
        if (now.startedAt !== before.startedAt || !now.running) return;
        await sleep(20);
      }
    },
    async waitHealthy(service, timeoutMs = 60_000) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const now = await container(service);
        if (now.running && now.health === 'healthy') return;
        if (Date.now() > deadline) throw new Error(`${service} is not healthy after ${timeoutMs} ms but ${now.health}:\n${now.lastHealthOutput}`);
        await sleep(100);
      }
    },
    down: async () => await removeInstallation(installation),
  };
}

/** SIGKILL to a process of the host; where it belongs to somebody else, by a container that is given just this right. */
async function killOnHost(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error;
    const rights = ['--pid', 'host', '--network', 'none', '--user', '0:0', '--read-only', '--cap-drop', 'ALL', '--cap-add', 'KILL'];
    await run('docker', ['run', '--rm', ...rights, 'debian:trixie-slim', 'bash', '-c', `kill -KILL ${pid}`]);
  }
}

/** Runs a program to its end, whatever that is. */
export async function execute(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Executed> {
  const child = spawn(command, args, { cwd: repository, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? -1));
  });
  return { code, stdout, stderr };
}
