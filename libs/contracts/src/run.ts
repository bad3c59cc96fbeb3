import { z } from 'zod';
import { Id, Timestamp } from './ids.ts';

/** `due` waits for an executor, `running` was claimed; every other status is final. */
export const RunStatus = z.enum([
  'due', 'running', 'exited', 'signalled', 'timeout', 'oom', 'cancelled', 'killed_by_lockdown', 'interrupted', 'refused', 'expired', 'engine_failure',
]);
export type RunStatus = z.infer<typeof RunStatus>;
export const isFinalRunStatus = (status: RunStatus): boolean => status !== 'due' && status !== 'running';

export const OutputStream = z.enum(['stdout', 'stderr']);

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
  /** Of the stored workspace after the run; null where it is not known. */
  workspaceRevision: z.string().nullable(),
  startedAt: Timestamp,
  endedAt: Timestamp,
});
export type RunReport = z.infer<typeof RunReport>;
