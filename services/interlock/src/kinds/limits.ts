import type { RunLimits, ServiceLimits } from '@megabot/contracts/action.ts';
import type { Settings } from '../configuration/schema.ts';

const mebibyte = 1024 * 1024;

/** The limits of one run in the sandbox, as the configuration says. */
export const sandboxLimits = (sandbox: Settings['sandbox']): RunLimits => ({
  wallMs: sandbox.wall_seconds * 1_000,
  memoryBytes: sandbox.memory_mb * mebibyte,
  pids: sandbox.pids,
  cpus: sandbox.cpus,
  outputBytes: sandbox.output_kb * 1_024,
  workspaceBytes: sandbox.workspace_mb * mebibyte,
});

/** What everything else may take: half a minute, and as much output as a run. */
export const serviceLimits = (sandbox: Settings['sandbox']): ServiceLimits => ({ wallMs: Math.min(sandbox.wall_seconds, 30) * 1_000, outputBytes: sandbox.output_kb * 1_024 });
