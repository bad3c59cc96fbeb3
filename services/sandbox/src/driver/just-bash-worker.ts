import { parentPort, workerData } from 'node:worker_threads';
import { Bash, type IFileSystem } from 'just-bash';
import type { WorkspaceItem } from '../workspace/items.ts';

/** What the simulated shell is given, and what it answers with; nothing else crosses between it and the service. */
export interface ShellJob {
  readonly argv: readonly string[];
  readonly stdin: string | null;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly items: readonly WorkspaceItem[];
  readonly maxFileBytes: number;
  readonly maxOutputBytes: number;
  readonly maxSteps: number;
}

export interface ShellAnswer {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
  readonly items: readonly WorkspaceItem[];
}

const root = '/workspace';

async function execute(job: ShellJob): Promise<ShellAnswer> {
  const bash = new Bash({
    cwd: root,
    env: { HOME: '/home/agent', PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ...job.env },
    processInfo: { uid: 10_002, gid: 10_002 },
    executionLimits: {
      maxLoopIterations: job.maxSteps,
      maxCommandCount: job.maxSteps,
      maxWorkUnits: job.maxSteps * 100,
      maxAwkIterations: job.maxSteps,
      maxSedIterations: job.maxSteps,
      maxJqIterations: job.maxSteps,
      maxOutputSize: job.maxOutputBytes,
      maxFileSystemBytes: job.maxFileBytes,
    },
  });
  const { fs } = bash;
  for (const folder of [root, '/home/agent', '/tmp']) await fs.mkdir(folder, { recursive: true });
  await fill(fs, job.items);
  if (!(await isFolder(fs, job.cwd))) {
    return { stdout: new Uint8Array(), stderr: Buffer.from(`sandbox: the working directory does not exist: ${job.cwd}\n`), exitCode: 126, items: job.items };
  }
  const [command = '', ...args] = withoutShellFlags(job.argv);
  const result = await bash.exec(`'${command.replaceAll("'", `'\\''`)}'`, {
    args,
    cwd: job.cwd,
    rawScript: true,
    ...(job.stdin === null ? {} : { stdin: job.stdin, stdinKind: 'bytes' as const }),
  });
  const stdout = Buffer.from(result.stdout, result.stdoutKind === 'bytes' ? 'latin1' : 'utf8');
  return { stdout, stderr: Buffer.from(result.stderr), exitCode: result.exitCode, items: await collect(fs) };
}

// `--noprofile` and `--norc` say what holds here anyway, and the simulated shell takes them for the name of a script.
function withoutShellFlags(argv: readonly string[]): readonly string[] {
  const [command = '', ...args] = argv;
  if (!/^(?:\/(?:usr\/)?bin\/)?(?:ba)?sh$/.test(command)) return argv;
  const first = args.findIndex((word) => word !== '--noprofile' && word !== '--norc');
  return [command.endsWith('bash') ? 'bash' : 'sh', ...(first === -1 ? [] : args.slice(first))];
}

async function fill(fs: IFileSystem, items: readonly WorkspaceItem[]): Promise<void> {
  for (const item of items) {
    const path = `${root}/${item.path}`;
    switch (item.type) {
      case 'directory':
        await fs.mkdir(path, { recursive: true });
        await fs.chmod(path, item.mode);
        break;
      case 'file':
        await fs.writeFile(path, item.bytes);
        await fs.chmod(path, item.mode);
        await fs.utimes(path, item.mtime, item.mtime);
        break;
      case 'symlink':
        await fs.symlink(item.target, path);
        break;
    }
  }
}

async function collect(fs: IFileSystem): Promise<WorkspaceItem[]> {
  const items: WorkspaceItem[] = [];
  for (const full of fs.getAllPaths().sort()) {
    if (!full.startsWith(`${root}/`)) continue;
    const path = full.slice(root.length + 1);
    const stat = await fs.lstat(full);
    if (stat.isSymbolicLink) items.push({ type: 'symlink', path, target: await fs.readlink(full), mtime: stat.mtime });
    else if (stat.isDirectory) items.push({ type: 'directory', path, mode: stat.mode & 0o777, mtime: stat.mtime });
    else items.push({ type: 'file', path, mode: stat.mode & 0o777, mtime: stat.mtime, bytes: await fs.readFileBuffer(full) });
  }
  return items;
}

async function isFolder(fs: IFileSystem, path: string): Promise<boolean> {
  return await fs.stat(path).then((stat) => stat.isDirectory, () => false);
}

parentPort?.postMessage(await execute(workerData as ShellJob));
