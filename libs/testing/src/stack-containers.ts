import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the engine says of a container, as far as the end-to-end tests look at it. */
export interface ContainerState {
  readonly id: string;
  readonly service: string;
  readonly running: boolean;
  readonly pid: number;
  readonly startedAt: string;
  readonly health: string;
  readonly lastHealthOutput: string;
  readonly oneShot: boolean;
  readonly user: string;
  readonly readOnly: boolean;
  readonly capabilitiesDropped: readonly string[];
  readonly capabilitiesAdded: readonly string[];
  readonly securityOptions: readonly string[];
  readonly memoryLimit: number;
  readonly pidsLimit: number;
  readonly privileged: boolean;
  readonly mounts: readonly { readonly source: string; readonly destination: string; readonly writable: boolean }[];
  /** Where ports are published, as `address:port`. */
  readonly published: readonly string[];
  /** Address by network, without the project's name. */
  readonly addresses: Readonly<Record<string, string>>;
}

interface Inspected {
  readonly Id: string;
  readonly State: { readonly Running: boolean; readonly Pid: number; readonly StartedAt: string; readonly Health?: { readonly Status: string; readonly Log?: readonly { readonly Output: string }[] | null } };
  readonly Config: { readonly User: string; readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean; readonly CapDrop: readonly string[] | null; readonly CapAdd: readonly string[] | null; readonly SecurityOpt: readonly string[] | null;
    readonly Memory: number; readonly PidsLimit: number | null; readonly Privileged: boolean; readonly RestartPolicy: { readonly Name: string };
  };
  readonly Mounts: readonly { readonly Source: string; readonly Destination: string; readonly RW: boolean }[];
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>>;
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
  };
}

/** Ids of a Compose project's containers, ended ones too; of one service, or all. */
export async function containersOf(project: string, service?: string): Promise<readonly string[]> {
  // Compose also labels the images it builds, so containers of runs bear the project's name too; the last label they lack.
  const filters = [`label=com.docker.compose.project=${project}`, 'label=com.docker.compose.oneoff=False', ...(service === undefined ? [] : [`label=com.docker.compose.service=${service}`])];
  const { stdout } = await run('docker', ['ps', '--all', '--quiet', '--no-trunc', ...filters.flatMap((filter) => ['--filter', filter])]);
  return stdout.split('\n').filter((id) => id !== '');
}

export async function inspectContainer(id: string): Promise<ContainerState> {
  const { stdout } = await run('docker', ['inspect', id], { maxBuffer: 1 << 24 });
  const [found] = JSON.parse(stdout) as [Inspected];
  const { State: state, Config: config, HostConfig: host, NetworkSettings: network } = found;
  const project = config.Labels['com.docker.compose.project'] ?? '';
  return {
    id: found.Id,
    service: config.Labels['com.docker.compose.service'] ?? '',
    running: state.Running,
    pid: state.Pid,
    startedAt: state.StartedAt,
    health: state.Health?.Status ?? 'none',
    lastHealthOutput: state.Health?.Log?.at(-1)?.Output ?? '',
    oneShot: host.RestartPolicy.Name === 'no',
    user: config.User,
    readOnly: host.ReadonlyRootfs,
    capabilitiesDropped: host.CapDrop ?? [],
    capabilitiesAdded: host.CapAdd ?? [],
    securityOptions: host.SecurityOpt ?? [],
    memoryLimit: host.Memory,
    pidsLimit: host.PidsLimit ?? 0,
    privileged: host.Privileged,
    mounts: found.Mounts.map((mount) => ({ source: mount.Source, destination: mount.Destination, writable: mount.RW })),
    published: Object.values(network.Ports).flatMap((bindings) => bindings ?? []).map((binding) => `${binding.HostIp}:${binding.HostPort}`),
    addresses: Object.fromEntries(Object.entries(network.Networks).map(([name, { IPAddress }]) => [name.replace(`${project}_`, ''), IPAddress])),
  };
}
