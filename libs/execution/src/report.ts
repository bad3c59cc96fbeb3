import type { RunReport } from '@megabot/contracts/run.ts';

/** Why a run was stopped from here. */
export type StopCause = 'cancel' | 'lockdown' | 'shutdown' | 'interlock_lost';

/** A report with nothing in it but how a run ended. Of what is not given, there was none. */
export function plainReport(report: Pick<RunReport, 'status' | 'driver' | 'startedAt' | 'endedAt'> & Partial<RunReport>): RunReport {
  return { exitCode: null, signal: null, output: '', truncated: false, droppedBytes: 0, detail: null, workspaceRevision: null, ...report };
}

/** The report of a run that this service did not see to its end. */
export const interruptedReport = (driver: string, now: number, detail: string): RunReport => plainReport({ status: 'interrupted', driver, detail, startedAt: now, endedAt: now });

/** What a stop makes of a run that was not at its end: its status, and a sentence where the status does not say why. */
export function stoppedAs(cause: StopCause, service: string): { status: RunReport['status']; detail: string | null } {
  switch (cause) {
    case 'lockdown':
      return { status: 'killed_by_lockdown', detail: 'The lockdown stopped it.' };
    case 'shutdown':
      return { status: 'interrupted', detail: `The ${service} was shut down while it ran. It was not run again.` };
    case 'interlock_lost':
      return { status: 'interrupted', detail: 'The interlock could not be reached any more, so the run was stopped. It was not run again.' };
    case 'cancel':
      return { status: 'cancelled', detail: null };
  }
}
