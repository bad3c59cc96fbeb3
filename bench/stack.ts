import { rm } from 'node:fs/promises';
import { createInstallation, readyUrl, type Installation } from './installation.ts';
import { run, untilReady, type Environment } from './processes.ts';

/** The composed stack under a project name of its own. */
export interface Stack {
  readonly installation: Installation;
  /** `make up`; milliseconds until the command has ended, all services healthy, and until the gateway's `/readyz`. */
  up(): Promise<{ upMs: number; readyzMs: number }>;
  /** `make down`: volumes stay. */
  down(): Promise<void>;
  /** Deletes containers, networks, volumes and keys. */
  wipe(): Promise<void>;
  /** Resident bytes of each running service as `docker stats` counts them, and of sandboxes that wait. */
  memory(): Promise<{ services: ReadonlyMap<string, number>; sandboxes: number }>;
}

export const project = 'megabot-bench';
const subnet = '10.231.91.0/24';
/** The stack reaches the host, and so the scripted model, under this address alone. */
export const hostAddress = '10.231.91.1';
export const sandboxImage = 'megabot/sandbox:0.1.0';

export async function createStack(options: { within: string; base: Environment; modelPort: number; signal: AbortSignal }): Promise<Stack> {
  const { signal } = options;
  const installation = await createInstallation({
    within: options.within,
    name: 'stack',
    mode: 'stack',
    firstPort: 28_100,
    modelUrl: `http://host.docker.internal:${options.modelPort}/v1`,
    base: options.base,
    extra: { COMPOSE_PROJECT_NAME: project, MEGABOT_EGRESS_SUBNET: subnet, MEGABOT_EGRESS_HOST: hostAddress },
  });
  const { environment } = installation;
  const docker = async (...args: string[]): Promise<string> => await run('docker', args, { environment, timeoutMs: 60_000 });
  const ids = async (label: string): Promise<string[]> => (await docker('ps', '--quiet', '--filter', `label=${label}`)).split('\n').filter((id) => id !== '');

  return {
    installation,
    async up() {
      const started = performance.now();
      // A first start may build the images; what is timed has them.
      const ready = untilReady(readyUrl(installation), { timeoutMs: 400_000, signal }).then(() => performance.now() - started);
      const ended = run('infra/host/up.sh', [], { environment, timeoutMs: 400_000, signal }).then(() => performance.now() - started);
      const [readyzMs, upMs] = await Promise.all([ready, ended]);
      return { upMs, readyzMs };
    },
    async down() {
      await run('infra/host/down.sh', [], { environment, timeoutMs: 60_000, signal });
    },
    async wipe() {
      await run('docker', ['compose', '--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5'], { environment, timeoutMs: 60_000 });
      const left = (await docker('ps', '--all', '--quiet', '--filter', `label=megabot.project=${project}`)).split('\n').filter((id) => id !== '');
      if (left.length > 0) await docker('rm', '--force', ...left);
      await rm(installation.home, { recursive: true, force: true });
    },
    async memory() {
      const services = new Map<string, number>();
      let sandboxes = 0;
      const serviceIds = await ids(`com.docker.compose.project=${project}`);
      const sandboxIds = await ids(`megabot.project=${project}`);
      const named = await docker('inspect', '--format', '{{.Id}} {{index .Config.Labels "com.docker.compose.service"}}', ...serviceIds);
      const nameOf = new Map(named.trim().split('\n').map((line) => line.split(' ') as [string, string]));
      const stats = await docker('stats', '--no-stream', '--no-trunc', '--format', '{{.ID}}\t{{.MemUsage}}', ...serviceIds, ...sandboxIds);
      for (const line of stats.trim().split('\n')) {
        const [id = '', usage = ''] = line.split('\t');
        const name = nameOf.get(id);
        if (name === undefined) sandboxes += parseBytes(usage);
        else services.set(name, (services.get(name) ?? 0) + parseBytes(usage));
      }
      return { services, sandboxes };
    },
  };
}

const units: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, kB: 1e3, MB: 1e6, GB: 1e9 };

/** The first figure of a text such as `45.2MiB / 256MiB`. */
export function parseBytes(text: string): number {
  const [, figure = '', unit = ''] = /^([\d.]+)\s*([A-Za-z]+)/.exec(text.trim()) ?? [];
  const factor = units[unit];
  if (factor === undefined) throw new Error(`docker said a size that is not understood: ${text}`);
  return Number(figure) * factor;
}
