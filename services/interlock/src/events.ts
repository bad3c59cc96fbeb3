import type { Approval } from '@megabot/contracts/approval.ts';
import * as announced from '@megabot/contracts/events.ts';
import type { RunStatus } from '@megabot/contracts/run.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Tx } from './transaction.ts';

interface ActionIds {
  readonly conversation: string;
  readonly turnId: string;
  readonly key: string;
}

export interface RunChange extends ActionIds {
  readonly runId: string;
  readonly status: RunStatus;
  readonly exitCode: number | null;
  readonly command: string;
  readonly driver: string | null;
}

export type InterlockEvents = ReturnType<typeof createInterlockEvents>;

/** What happens in the interlock, one function an event: its log line, and its announcement where others follow it. */
export function createInterlockEvents(logger: Logger) {
  return {
    judged(ids: ActionIds, verdict: string, rule: string | null) {
      // A rule may spell what its owner would not have in a log; the audit log holds it, redacted.
      logger.info({ key: ids.key, conversation: ids.conversation, verdict, byRule: rule !== null }, 'action judged');
    },
    async allowedByStar(tx: Tx, ids: ActionIds, text: string) {
      logger.warn({ key: ids.key, conversation: ids.conversation }, 'the rule "*" let a command run');
      await tx.announce(announced.warning, { conversation: ids.conversation, text }, ids.conversation);
    },
    async notAsked(tx: Tx, conversation: string, count: number, text: string) {
      logger.warn({ conversation, count }, 'actions were proposed faster than a person can decide, and not asked about');
      await tx.announce(announced.warning, { conversation, text }, conversation);
    },
    async approvalShown(tx: Tx, approval: Approval) {
      logger.info({ approvalId: approval.id, turnId: approval.turnId, risk: approval.risk }, 'approval asked for');
      await tx.announce(announced.approval, { conversation: approval.conversation, approval }, approval.conversation);
    },
    async approvalDecided(tx: Tx, approval: Pick<Approval, 'id' | 'conversation' | 'turnId' | 'status'>, by: string) {
      logger.info({ approvalId: approval.id, turnId: approval.turnId, status: approval.status, by }, 'approval decided');
      const { id: approvalId, conversation, turnId, status } = approval;
      await tx.announce(announced.decided, { conversation, approvalId, turnId, status, by }, conversation);
    },
    async runChanged(tx: Tx, run: RunChange) {
      logger.info({ runId: run.runId, turnId: run.turnId, status: run.status, exitCode: run.exitCode }, 'run changed');
      const { conversation, runId, turnId, status, exitCode, command, driver } = run;
      await tx.announce(announced.runState, { conversation, runId, turnId, status, exitCode, command, driver }, conversation);
    },
    async settled(tx: Tx, ids: ActionIds) {
      await tx.announce(announced.settled, { conversation: ids.conversation, turnId: ids.turnId, key: ids.key }, ids.conversation);
    },
    async runsStopped(tx: Tx, runIds: string[]) {
      logger.info({ runIds }, 'running commands asked to stop');
      await tx.announce(announced.cancel, { runIds });
    },
    permitIssued(runId: string, permitId: string, number: number) {
      logger.debug({ runId, permitId, number }, 'permit issued');
    },
    claimRefused(runId: string, permitId: string, code: string) {
      logger.warn({ runId, permitId, refusal: code }, 'claim refused');
    },
    async lockdownChanged(tx: Tx, epoch: number, lockdown: boolean) {
      logger.warn({ epoch, lockdown }, lockdown ? 'lockdown: everything stops' : 'lockdown lifted');
      await tx.announce(announced.lockdown, { epoch, lockdown });
    },
    async configurationRead(tx: Tx, version: string, warnings: string[]) {
      if (warnings.length > 0) logger.warn({ version, warnings }, 'configuration read, with warnings');
      else logger.info({ version }, 'configuration read');
      await tx.announce(announced.configuration, { version, warnings });
    },
  };
}
