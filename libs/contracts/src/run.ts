import { z } from 'zod';
import { Id, Timestamp } from './ids.ts';

/** `due` waits for an executor, `running` was claimed; every other status is final. */
export const RunStatus = z.enum([
  'due', 'running', 'exited', 'signalled', 'timeout', 'oom', 'cancelled', 'killed_by_lockdown', 'interrupted', 'refused', 'expired', 'engine_failure',
]);
export type RunStatus = z.infer<typeof RunStatus>;
export const isFinalRunStatus = (status: RunStatus): boolean => status !== 'due' && status !== 'running';

export const OutputStream = z.enum(['stdout', 'stderr']);

/** A file that a run changed in the workspace. `size` in bytes, of what is there now, or of what was removed. */
export const ChangedFile = z.object({ path: z.string().max(4_096), size: z.number().int().nonnegative(), change: z.enum(['added', 'changed', 'removed']) });
export type ChangedFile = z.infer<typeof ChangedFile>;

/** The first of them, by name, and how many there are in all. */
export const ChangedFiles = z.object({ total: z.number().int().nonnegative(), files: z.array(ChangedFile).max(100) });
export type ChangedFiles = z.infer<typeof ChangedFiles>;

/** A run as clients see it. `output` is standard output and standard error in the order they came, as UTF-8 text. */
export const Run = z.object({
  id: Id,
  conversation: Id,
  turnId: Id,
  command: z.string(),
  status: RunStatus,
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  output: z.string(),
  truncated: z.boolean(),
  /** Which driver executed it, for instance `docker`, or `just-bash (simulated shell)`; null before it started. */
  driver: z.string().nullable(),
  /** Why it ended as it did, where the status alone does not say. */
  detail: z.string().nullable(),
  /** What it changed in the workspace, where that is known. */
  changedFiles: ChangedFiles.optional(),
  /** Set where its standard output was no text: `output` is then a likeness, and the bytes are at the run's output. */
  binary: z.boolean().optional(),
  createdAt: Timestamp,
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
});
export type Run = z.infer<typeof Run>;

/** What an executor reports at the end of a run. */
export const RunReport = z.object({
  status: z.enum(['exited', 'signalled', 'timeout', 'oom', 'cancelled', 'killed_by_lockdown', 'interrupted', 'refused', 'engine_failure']),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  output: z.string(),
  truncated: z.boolean(),
  droppedBytes: z.number().int().nonnegative(),
  driver: z.string(),
  detail: z.string().nullable(),
  changedFiles: ChangedFiles.optional(),
  /** Standard output alone, byte for byte, in base64; where it was no UTF-8 text. */
  binaryOutput: z.base64().optional(),
  /** Of the stored workspace after the run; null where it is not known. */
  workspaceRevision: z.string().nullable(),
  startedAt: Timestamp,
  endedAt: Timestamp,
});
export type RunReport = z.infer<typeof RunReport>;
