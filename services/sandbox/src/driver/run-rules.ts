import type { RunSpec } from './port.ts';

/** Our own image, made by `infra/sandbox-image`. */
export const sandboxImage = 'megabot/sandbox:0.1.0';

/** The one folder that an action may call its own, in every driver. */
export const workspaceFolder = '/workspace';

/**
 * What an action must keep to before anything is started for it, in every driver.
 * @returns why it is refused, as a sentence, or undefined.
 */
export function refusalOf(spec: RunSpec, allowedImages: readonly string[]): string | undefined {
  if (spec.workspace.conversation !== spec.conversation) return 'The workspace belongs to another conversation.';
  if (spec.workspace.bytes > spec.limits.workspaceBytes) {
    return `The workspace holds ${spec.workspace.bytes} bytes; this run allows ${spec.limits.workspaceBytes}.`;
  }
  if (!allowedImages.includes(spec.image)) {
    return `The setting sandbox.image names ${JSON.stringify(spec.image.slice(0, 200))}; this sandbox runs ${allowedImages.join(', ')} and nothing else. Mend meta-config.yaml.`;
  }
  if (!isRunNetwork(spec.network)) return 'The network is not one that a command may be in.';
  if (Object.values(spec.limits).some((limit) => !Number.isFinite(limit) || limit <= 0)) return 'Every limit must be a positive number.';
  if (spec.argv.length === 0) return 'There is no command.';
  if (spec.argv.some((word) => word.includes('\0'))) return 'The command holds a NUL character.';
  if (!isInsideWorkspace(spec.cwd)) return 'The working directory is not in the workspace.';
  for (const [name, value] of Object.entries(spec.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) return `${JSON.stringify(name.slice(0, 128))} is not the name of an environment variable.`;
    if (value.includes('\0')) return `The environment variable ${name} holds a NUL character.`;
  }
  return undefined;
}

/** No network, or one of those that hold one command and the proxy: never one of the stack's own, nor the host's. */
export const isRunNetwork = (network: string): boolean => network === 'none' || /^[a-z0-9][a-z0-9_-]{0,62}_run-\d{1,2}$/.test(network);

function isInsideWorkspace(cwd: string): boolean {
  if (cwd !== workspaceFolder && !cwd.startsWith(`${workspaceFolder}/`)) return false;
  return !cwd.includes('\0') && !cwd.split('/').includes('..');
}

const signalNumbers: Readonly<Record<number, string>> = {
  1: 'SIGHUP', 2: 'SIGINT', 3: 'SIGQUIT', 4: 'SIGILL', 5: 'SIGTRAP', 6: 'SIGABRT', 7: 'SIGBUS', 8: 'SIGFPE', 9: 'SIGKILL',
  10: 'SIGUSR1', 11: 'SIGSEGV', 12: 'SIGUSR2', 13: 'SIGPIPE', 14: 'SIGALRM', 15: 'SIGTERM', 24: 'SIGXCPU', 25: 'SIGXFSZ', 31: 'SIGSYS',
};

/** The signal behind an exit code of 128 + n. A command that exits with such a code by itself looks the same: engine and shell tell no difference. */
export function signalOf(exitCode: number): string | null {
  return signalNumbers[exitCode - 128] ?? null;
}
