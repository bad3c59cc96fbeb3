import type { RunStatus } from '@megabot/contracts/run.ts';

/** How a run stands, in words with the icon that goes with them. */
export function runWords(status: RunStatus, exitCode: number | null, signal: string | null): { icon: 'check' | 'cross' | 'clock' | 'stop' | 'terminal'; text: string } {
  switch (status) {
    case 'due':
      return { icon: 'clock', text: 'Waits for a sandbox' };
    case 'running':
      return { icon: 'terminal', text: 'Running' };
    case 'exited':
      return exitCode === 0 ? { icon: 'check', text: 'Done, exit 0' } : { icon: 'cross', text: exitCode === null ? 'Ended' : `Failed, exit ${exitCode}` };
    case 'signalled':
      return { icon: 'cross', text: `Ended by ${signal ?? 'a signal'}` };
    case 'timeout':
      return { icon: 'cross', text: 'Stopped: it took too long' };
    case 'oom':
      return { icon: 'cross', text: 'Stopped: out of memory' };
    case 'cancelled':
      return { icon: 'stop', text: 'Cancelled' };
    case 'killed_by_lockdown':
      return { icon: 'stop', text: 'Stopped by lockdown' };
    case 'interrupted':
      return { icon: 'cross', text: 'Interrupted; it was not repeated' };
    case 'refused':
      return { icon: 'cross', text: 'Refused' };
    case 'expired':
      return { icon: 'clock', text: 'Expired before it could start' };
    case 'engine_failure':
      return { icon: 'cross', text: 'The sandbox failed' };
  }
}
