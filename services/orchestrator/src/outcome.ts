import type { ActionState, SubmitOutcome } from '@megabot/contracts/endpoints/interlock.ts';
import type { Run } from '@megabot/contracts/run.ts';

type Denial = Extract<SubmitOutcome, { decision: 'deny' }>;

/** What became of a settled action, as one of a few cases that people and models are told differently. */
export type Outcome =
  | { readonly kind: 'denied'; readonly denial: Denial }
  | { readonly kind: 'rejected'; readonly by: string; readonly reason: string | undefined }
  | { readonly kind: 'expired' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'ran'; readonly run: Run };

/** @returns undefined while something may still happen to the action. */
export function outcomeOf(state: ActionState): Outcome | undefined {
  if (state.outcome.decision === 'deny') return { kind: 'denied', denial: state.outcome };
  if (!state.settled) return undefined;
  const { approval, run } = state;
  if (run) return { kind: 'ran', run };
  switch (approval?.status) {
    case 'rejected':
      return { kind: 'rejected', by: approval.decidedBy ?? 'somebody', reason: approval.reason };
    case 'expired':
      return { kind: 'expired' };
    case 'cancelled':
    case 'approved':
    case 'pending':
    case undefined:
      return { kind: 'cancelled' };
  }
}

/** How a run ended, as the rest of a sentence that begins with what was run. */
export function howItEnded(run: Run): string {
  switch (run.status) {
    case 'exited':
      return `ended with exit code ${run.exitCode ?? 'unknown'}`;
    case 'signalled':
      return `was ended by the signal ${run.signal ?? 'unknown'}`;
    case 'timeout':
      return 'ran into its time limit and was stopped';
    case 'oom':
      return 'used more memory than allowed and was stopped';
    case 'cancelled':
      return 'was cancelled';
    case 'killed_by_lockdown':
      return 'was stopped by the lockdown';
    case 'interrupted':
      return 'was interrupted and not repeated: how far it got is unknown';
    case 'refused':
      return 'was refused right before its start';
    case 'expired':
      return 'did not start in time: the service that executes it did not take it';
    case 'engine_failure':
      return 'could not be run: the sandbox failed';
    case 'due':
    case 'running':
      return 'has not ended';
  }
}

/** A shell that only simulates one says so in its name; people and models have to know. */
export const isSimulated = (run: Run): boolean => /simulated/i.test(run.driver ?? '');
