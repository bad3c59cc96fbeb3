import type { RunLimits } from '@megabot/contracts/action.ts';
import type { ChangedFiles } from '@megabot/contracts/run.ts';
import type { OmittedEntry } from '../workspace/archive-entry.ts';
import type { WorkspaceHandle } from '../workspace/store.ts';

/** What executes permitted actions. Every implementation passes the suite in `driver-compliance.ts`. */
export interface SandboxDriver {
  readonly name: DriverName;
  /** True where no real shell runs: every result says so. */
  readonly simulated: boolean;
  /** Whether a run could start now; `detail` is a sentence for health and for a person. */
  ready(): Promise<Readiness>;
  /**
   * Executes one command, once. Never throws: whatever happens is an outcome, and nothing is left behind.
   * Aborting `hooks.signal`, with a `CancelReason` as its reason, ends the run with outcome `cancelled`.
   */
  run(spec: RunSpec, hooks: RunHooks): Promise<RunResult>;
  /** Removes what an earlier process of this instance left, and what other instances left whose lease has passed. */
  reap(): Promise<readonly ReapedRun[]>;
  /** Ends the runs in progress with reason `shutdown`, waits until they are gone, and accepts no more. */
  close(): Promise<void>;
}

export type DriverName = 'docker' | 'just-bash';
export type OutputStream = 'stdout' | 'stderr';
export type CancelReason = 'cancel' | 'lockdown' | 'shutdown';

export interface Readiness {
  readonly ok: boolean;
  readonly detail: string;
}

export interface RunHooks {
  /** Output as it comes, in order, up to the cap. Must not throw. */
  onOutput(stream: OutputStream, chunk: Uint8Array): void;
  readonly signal: AbortSignal;
}

export interface RunSpec {
  readonly runId: string;
  readonly permitId: string;
  readonly conversation: string;
  /** The command and its arguments. */
  readonly argv: readonly string[];
  readonly stdin?: string | Uint8Array;
  /** `/workspace` or a folder below it. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly image: string;
  /** `none`, or the engine's name of a network that was opened for this run alone; see `network/port.ts`. */
  readonly network: string;
  /** Bytes, milliseconds, processes, CPUs. The workspace's size comes on top of the memory. */
  readonly limits: RunLimits;
  readonly workspace: WorkspaceHandle;
}

/**
 * `refused`: nothing was executed, since the request does not fit this sandbox. `engine_failure`: whether and how far the
 * command ran is not known. After `timeout`, `oom` of the whole container, `cancelled` and `engine_failure` the workspace
 * is as it was before the run: its files went with the container.
 */
export type RunOutcome = 'exited' | 'signalled' | 'timeout' | 'oom' | 'cancelled' | 'refused' | 'engine_failure';

export interface OutputChunk {
  readonly stream: OutputStream;
  readonly bytes: Uint8Array;
}

export interface RunOutput {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Both streams, in the order in which they came. */
  readonly chunks: readonly OutputChunk[];
}

export interface RunResult {
  readonly outcome: RunOutcome;
  /** As a shell counts: 128 + n after signal n. Null where the command did not come to its end. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly cancelReason: CancelReason | null;
  readonly output: RunOutput;
  readonly truncated: boolean;
  /** Bytes that came after the cap, counted and dropped. */
  readonly droppedBytes: number;
  /** Of the stored workspace, after the run. */
  readonly workspaceRevision: string;
  readonly workspaceChanged: boolean;
  /** Which files, where that is known. */
  readonly workspaceChanges?: ChangedFiles;
  /** What the run made in the workspace and the store does not keep, such as pipes and links that lead out. */
  readonly workspaceOmitted: readonly OmittedEntry[];
  readonly driver: DriverName;
  readonly simulated: boolean;
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** A sentence for a person, where the outcome alone does not say why. */
  readonly detail: string | null;
}

export interface ReapedRun {
  readonly runId: string;
  readonly permitId: string;
  readonly instance: string;
  readonly reason: 'own_leftover' | 'lease_expired';
}
