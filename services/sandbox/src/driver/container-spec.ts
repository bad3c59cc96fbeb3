import type { ContainerCreateOptions } from './engine.ts';
import type { RunSpec } from './port.ts';
import { workspaceFolder } from './run-rules.ts';
import { maxWorkspaceEntries } from '../workspace/archive-entry.ts';

/** What the operator chose; nothing in here comes from an action. */
export interface ContainerOptions {
  readonly project: string;
  readonly instance: string;
  /** A seccomp profile as JSON; without one the engine's default holds. */
  readonly seccompProfile?: string;
  /** An OCI runtime the engine knows, such as `runsc`; without one the engine's default. */
  readonly runtime?: string;
}

export const labels = {
  project: 'megabot.project',
  instance: 'megabot.instance',
  run: 'megabot.run',
  permit: 'megabot.permit',
  leaseUntil: 'megabot.lease-until',
} as const;

/** The user of the action; the image names it `agent`. */
export const actionUser = '10002:10002';
/** The user of the container's own idle process: another one, so that an action can neither end nor inspect it. */
const holderUser = '65534:65534';

const mebibyte = 1024 * 1024;

/**
 * The container of one run, from the run and the operator's options alone. Of what the action itself chose nothing is in
 * it but the identifiers in the labels: its argv, environment, working directory and workspace come later, by exec, as data.
 * The main process only waits, and ends by itself when the lease does, so that a container outlives no dead service.
 * @param leaseMs for how long from now the container may live; @param now in milliseconds since 1970.
 */
export function containerSpec(spec: RunSpec, options: ContainerOptions, leaseMs: number, now: number): ContainerCreateOptions {
  const { memoryBytes, workspaceBytes, pids, cpus } = spec.limits;
  // tmpfs is memory of the container: scratch space is part of what the action may use, its workspace comes on top.
  const memory = memoryBytes + workspaceBytes;
  return {
    Image: spec.image,
    User: holderUser,
    Entrypoint: ['/bin/sleep'],
    Cmd: [String(Math.ceil(leaseMs / 1000))],
    Env: [],
    WorkingDir: '/',
    Hostname: 'sandbox',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    OpenStdin: false,
    Tty: false,
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      // The image was built by Compose and would hand its labels on: this container belongs to no Compose project.
      'com.docker.compose.project': '',
      'com.docker.compose.service': '',
      'com.docker.compose.version': '',
      [labels.project]: options.project,
      [labels.instance]: options.instance,
      [labels.run]: spec.runId,
      [labels.permit]: spec.permitId,
      [labels.leaseUntil]: String(now + leaseMs),
    },
    HostConfig: {
      NetworkMode: 'none',
      // With no network the engine still copies the host's resolver into the container; this address is for documentation (RFC 5737).
      Dns: ['192.0.2.1'],
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
  readonly cwd: string;
  readonly env: readonly string[];
}

// The wrapper stays as the parent, so that what the command leaves running in the background is ended with it, and does
// not hold the output open. Its own words on the way go nowhere: only the command's output is output.
const commandWrapper = [
  'cd -- "$1" 2>/dev/null || { printf "sandbox: the working directory does not exist: %s\\n" "$1" >&2; exit 126; }',
  'shift',
  'exec 3>&2 2>/dev/null',
  '(exec 2>&3 3>&-; exec "$@")',
  'code=$?',
  'kill -9 -1',
  'exit "$code"',
].join('\n');

/** The action's command. `cwd`, argv and the environment are arguments, never parts of a script. */
export function commandExec(spec: RunSpec): ExecSpec {
  return {
    argv: ['/bin/sh', '-c', commandWrapper, 'sandbox', spec.cwd, ...spec.argv],
    user: actionUser,
    cwd: workspaceFolder,
    env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
  };
}

/**
 * Fills the workspace from a tar archive on standard input. Folders get their rights at the end: the archive's links come
 * last, and one may belong into a folder that cannot be written.
 */
export const fillExec: ExecSpec = {
  argv: ['/bin/tar', '--extract', '--file=-', '--directory', workspaceFolder, '--preserve-permissions', '--delay-directory-restore', '--no-same-owner'],
  user: actionUser,
  cwd: workspaceFolder,
  env: [],
};

// First everything of the action is ended, so that nothing changes under the archive or answers in its place. The kernel's
// count of processes it ended for want of memory (cgroup v2, then v1) goes to standard error. Files that the action made
// unreadable to itself are made readable to it again: without capabilities nobody else could read them either.
const collectScript = [
  'kill -9 -1 2>/dev/null',
  'grep -hs "^oom_kill " /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control >&2',
  'cd /workspace && chmod -R u+rX . 2>/dev/null',
  'exec /bin/tar --create --file=- --format=gnu --hard-dereference --numeric-owner --one-file-system --sort=name .',
].join('\n');

/** Ends what is left of the action and writes its workspace as a tar archive to standard output. */
export const collectExec: ExecSpec = { argv: ['/bin/sh', '-c', collectScript], user: actionUser, cwd: workspaceFolder, env: [] };

/** The count that `collectExec` writes to standard error; 0 where the kernel gave none. */
export function oomKillsIn(stderr: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(stderr)?.[1] ?? 0);
}
