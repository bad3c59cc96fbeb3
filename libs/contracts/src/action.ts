import { z } from 'zod';
import { Id } from './ids.ts';

/** A path inside the conversation's workspace: relative, no `..`, no NUL, no backslash tricks. */
export const WorkspacePath = z
  .string()
  .min(1)
  .max(1_024)
  .refine((path) => !path.startsWith('/') && !path.includes('\0') && path.split('/').every((part) => part !== '..' && part !== '' && part !== '.'), {
    message: 'must be a relative path inside the workspace, without "." or ".."',
  });

export const ShellAction = z.object({
  kind: z.literal('shell'),
  command: z.string().min(1).max(65_536),
});

export const FileWriteAction = z.object({
  kind: z.literal('file_write'),
  files: z.array(z.object({ path: WorkspacePath, content: z.string().max(262_144) })).min(1).max(32),
});

/** What may be proposed. A kind that is not here cannot be expressed on the bus. */
export const Action = z.discriminatedUnion('kind', [ShellAction, FileWriteAction]);
export type Action = z.infer<typeof Action>;
export const ActionKind = z.enum(['shell', 'file_write']);
export type ActionKind = Action['kind'];

/** Which service executes a kind; exhaustive, so that a new kind does not compile without an executor. */
export const executors = { shell: 'sandbox', file_write: 'sandbox' } as const satisfies Record<ActionKind, 'sandbox'>;

/** `turnId:step:call`: the same key always gets the first outcome again. */
export const ActionKey = z.string().regex(/^[A-Za-z0-9_-]{1,64}:\d{1,6}:\d{1,4}$/);

/** The revision of a workspace that holds nothing; what a conversation begins with. */
export const emptyWorkspaceRevision = 'ba49d50fa35a4878222dd11d769e67a8241a7d0cf1ff809e5a281d5f4799b242';

export const RunLimits = z.object({
  wallMs: z.number().int().positive(),
  memoryBytes: z.number().int().positive(),
  pids: z.number().int().positive(),
  cpus: z.number().positive(),
  outputBytes: z.number().int().positive(),
  workspaceBytes: z.number().int().positive(),
});
export type RunLimits = z.infer<typeof RunLimits>;

/**
 * Exactly what will happen, as the interlock judged it. Its canonical hash is what an approval and a permit are bound to.
 * `argv` is empty for a plan that only writes files.
 */
export const RunPlan = z.object({
  kind: ActionKind,
  conversation: Id,
  argv: z.array(z.string()).max(64),
  files: z.array(z.object({ path: WorkspacePath, content: z.string() })).max(32),
  cwd: z.string().startsWith('/workspace'),
  env: z.record(z.string(), z.string()),
  image: z.string(),
  network: z.literal('none'),
  limits: RunLimits,
  /** Revision of the workspace the plan was approved for; the sandbox refuses any other. */
  workspaceRevision: z.string(),
});
export type RunPlan = z.infer<typeof RunPlan>;
