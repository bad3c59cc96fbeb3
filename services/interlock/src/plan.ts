import type { Action, RunPlan } from '@megabot/contracts/action.ts';
import { canonicalHash } from '@megabot/contracts/canonical.ts';
import type { Settings } from './configuration/schema.ts';

/** What every run sees, and nothing of the host. */
const environment: Readonly<Record<string, string>> = {
  HOME: '/home/agent',
  LANG: 'C.UTF-8',
  PATH: '/usr/local/bin:/usr/bin:/bin',
  TERM: 'dumb',
  USER: 'agent',
};

/** Exactly what will happen for an action: the text byte for byte, one fixed environment, the limits of the configuration. */
export function planOf(action: Action, conversation: string, workspaceRevision: string, sandbox: Settings['sandbox']): RunPlan {
  const mebibyte = 1024 * 1024;
  const common = {
    conversation,
    cwd: '/workspace',
    env: { ...environment },
    image: sandbox.image,
    network: 'none',
    limits: {
      wallMs: sandbox.wall_seconds * 1_000,
      memoryBytes: sandbox.memory_mb * mebibyte,
      pids: sandbox.pids,
      cpus: sandbox.cpus,
      outputBytes: sandbox.output_kb * 1_024,
      workspaceBytes: sandbox.workspace_mb * mebibyte,
    },
    workspaceRevision,
  } as const;
  switch (action.kind) {
    case 'shell':
      // The reader of the policy models bash, so bash it is, without any start-up file.
      return { kind: 'shell', argv: ['bash', '--noprofile', '--norc', '-c', action.command], files: [], ...common };
    case 'file_write':
      return { kind: 'file_write', argv: [], files: action.files, ...common };
  }
}

export const planHash = (plan: RunPlan): string => canonicalHash(plan);

/** The action that a plan was made from, for judging it again. */
export function actionOf(plan: RunPlan): Action {
  switch (plan.kind) {
    case 'shell':
      return { kind: 'shell', command: plan.argv.at(-1) ?? '' };
    case 'file_write':
      return { kind: 'file_write', files: plan.files };
  }
}

/** What a person is shown of an action: the exact command, or each file with its content. */
export function displayOf(action: Action): string {
  switch (action.kind) {
    case 'shell':
      return action.command;
    case 'file_write':
      return action.files.map((file) => `${file.path} (${Buffer.byteLength(file.content)} bytes)\n${file.content}`).join('\n\n');
  }
}

/** What the audit log holds of an action: commands, and of files only names and sizes. */
export function summaryOf(action: Action): string {
  switch (action.kind) {
    case 'shell':
      return action.command;
    case 'file_write':
      return action.files.map((file) => `${file.path} (${Buffer.byteLength(file.content)} bytes)`).join('\n');
  }
}
