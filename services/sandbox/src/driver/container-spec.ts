import type { ContainerCreateOptions } from './engine.ts';
import { launcherScript } from './launch.ts';
import type { RunSpec } from './port.ts';
import { workspaceFolder } from './run-rules.ts';
import { maxWorkspaceEntries } from '../workspace/archive-entry.ts';

/** What the operator chose and the engine has; nothing in here comes from an action. */
export interface ContainerOptions {
  readonly project: string;
  readonly instance: string;
  /** A seccomp profile as JSON; without one the engine's default holds. */
  readonly seccompProfile?: string;
  /** An OCI runtime the engine knows, such as `runsc`; without one the engine's default. */
  readonly runtime?: string;
  /** All runs together are one group beside the services, so that they get one share of a busy machine. */
  readonly cgroupParent?: string;
}

/** All that tells one container from another before it is used: a run gets one of its own kind or a new one. */
export interface BoxKind {
  /** By digest: a tag may come to mean another image while a container waits. */
  readonly imageId: string;
  /** `none`, or a network made for one run: such a container never waits. */
  readonly network: string;
  readonly memoryBytes: number;
  readonly workspaceBytes: number;
  readonly pids: number;
  readonly cpus: number;
}

export function boxKindOf(spec: Pick<RunSpec, 'network' | 'limits'>, imageId: string): BoxKind {
  const { memoryBytes, workspaceBytes, pids, cpus } = spec.limits;
  return { imageId, network: spec.network, memoryBytes, workspaceBytes, pids, cpus };
}

/** One container, made for one run that may not be known yet. */
export interface BoxTerm {
  /** Ours, chosen before the engine gives it an id, so that it is found when the engine's answer is lost. */
  readonly boxId: string;
  /** For how long from now it may live, in milliseconds. */
  readonly leaseMs: number;
  /** In milliseconds since 1970. */
  readonly now: number;
}

export const labels = {
  project: 'megabot.project',
  instance: 'megabot.instance',
  box: 'megabot.box',
  leaseUntil: 'megabot.lease-until',
} as const;

/** The user of the action; the image names it `agent`. */
export const actionUser = '10002:10002';
/** The user of the container's own main process: another one, so that an action can neither end nor inspect it. */
const holderUser = '65534:65534';

const mebibyte = 1024 * 1024;

/** What the engine hides by itself, and what only tells a run about the machine. */
const maskedPaths = [
  '/proc/acpi', '/proc/asound', '/proc/interrupts', '/proc/kallsyms', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/sched_debug',
  '/proc/scsi', '/proc/timer_list', '/proc/timer_stats', '/sys/devices/virtual/dmi', '/sys/devices/virtual/powercap', '/sys/firmware', '/sys/kernel/security',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/**
 * A container, from its kind and the operator's options alone. Of what an action chooses nothing is in it: argv, environment,
 * working directory and workspace come later, over the launcher's standard input, as data.
 * The main process waits for the end of its standard input, which the engine keeps open for as long as this service is connected:
 * a container outlives neither its service nor its lease.
 */
export function containerSpec(kind: BoxKind, options: ContainerOptions, term: BoxTerm): ContainerCreateOptions {
  const { memoryBytes, workspaceBytes, pids, cpus } = kind;
  // tmpfs is memory of the container: scratch space is part of what the action may use, its workspace comes on top.
  const memory = memoryBytes + workspaceBytes;
  return {
    Image: kind.imageId,
    User: holderUser,
    Entrypoint: ['timeout', '-s', 'KILL', String(Math.ceil(term.leaseMs / 1000))],
    Cmd: ['cat'],
    Env: [],
    WorkingDir: '/',
    Hostname: 'sandbox',
    AttachStdin: true,
    AttachStdout: false,
    AttachStderr: false,
    OpenStdin: true,
    StdinOnce: true,
    Tty: false,
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      // The image was built by Compose and would hand its labels on: this container belongs to no Compose project.
      'com.docker.compose.project': '',
      'com.docker.compose.service': '',
      'com.docker.compose.version': '',
      [labels.project]: options.project,
      [labels.instance]: options.instance,
      [labels.box]: term.boxId,
      [labels.leaseUntil]: String(term.now + term.leaseMs),
    },
    HostConfig: {
      NetworkMode: kind.network,
      // With no network the engine still copies the host's resolver into the container; this address is for documentation (RFC 5737).
      Dns: ['192.0.2.1'],
      // Nobody answers there: a program that looks names up by itself, past the proxy, should learn so at once.
      DnsOptions: ['timeout:1', 'attempts:1'],
      ReadonlyRootfs: true,
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true', ...(options.seccompProfile === undefined ? [] : [`seccomp=${options.seccompProfile}`])],
      Init: true,
      IpcMode: 'none',
      PidsLimit: pids,
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: Math.round(cpus * 1e9),
      OomScoreAdj: 500,
      ...(options.cgroupParent === undefined ? {} : { CgroupParent: options.cgroupParent }),
      MaskedPaths: maskedPaths,
      ReadonlyPaths: readonlyPaths,
      Ulimits: [
        { Name: 'nofile', Soft: 1024, Hard: 1024 },
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'fsize', Soft: workspaceBytes, Hard: workspaceBytes },
      ],
      Tmpfs: {
        '/tmp': tmpfs('noexec', Math.min(64 * mebibyte, memoryBytes / 4), 16_384, 'mode=1777'),
        '/home/agent': tmpfs('noexec', Math.min(16 * mebibyte, memoryBytes / 8), 4096, `${owner},mode=0700`),
        [workspaceFolder]: tmpfs('exec', workspaceBytes, maxWorkspaceEntries + 1, `${owner},mode=0755`),
      },
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no' },
      ...(options.runtime === undefined ? {} : { Runtime: options.runtime }),
    },
  };
}

const owner = 'uid=10002,gid=10002';

// Without nr_inodes a tmpfs lets empty files take kernel memory without end.
function tmpfs(execution: 'exec' | 'noexec', bytes: number, inodes: number, rest: string): string {
  return `rw,nosuid,nodev,${execution},size=${Math.floor(bytes)},nr_inodes=${inodes},${rest}`;
}

/** One process started in the container of a run. */
export interface ExecSpec {
  readonly argv: readonly string[];
  readonly user: string;
  /** Whether it is given anything on standard input. */
  readonly input: boolean;
}

/** What waits for the run and becomes its parent; see `launch.ts`. */
export const launcherExec: ExecSpec = { argv: ['/bin/sh', '-c', launcherScript, 'sandbox'], user: actionUser, input: true };

// First everything of the action is ended, so that nothing changes under the archive or answers in its place. The kernel's
// count of processes it ended for want of memory (cgroup v2, then v1) goes to standard error. Files that the action made
// unreadable to itself are made readable to it again: without capabilities nobody else could read them either.
const collectScript = [
  'kill -9 -1 2>/dev/null',
  'grep -hs "^oom_kill " /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control >&2',
  `cd ${workspaceFolder} && chmod -R u+rX . 2>/dev/null`,
  'exec tar --create --file=- --format=gnu --hard-dereference --numeric-owner --one-file-system --sort=name .',
].join('\n');

/** Ends what is left of the action and writes its workspace as a tar archive to standard output. */
export const collectExec: ExecSpec = { argv: ['/bin/sh', '-c', collectScript], user: actionUser, input: false };

/** The count that `collectExec` writes to standard error; 0 where the kernel gave none. */
export function oomKillsIn(stderr: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(stderr)?.[1] ?? 0);
}
