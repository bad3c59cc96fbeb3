import type { RunReport } from '@megabot/contracts/run.ts';
import type { PermitClaims } from '@megabot/contracts/ticket.ts';
import type { Logger } from '@megabot/observability/logger.ts';

/** What happens in an executor, each as one function, so that every occurrence is recorded alike in every service. */
export function createEvents(logger: Logger) {
  const of = (claims: PermitClaims) => ({ runId: claims.runId, permitId: claims.permitId });
  return {
    permitRefused: (claims: PermitClaims, reason: string) => logger.warn({ ...of(claims), reason }, 'a permit was refused; nothing was started'),
    claimRefused: (claims: PermitClaims, code: string) => logger.info({ ...of(claims), code }, 'the interlock did not grant the claim; nothing was started'),
    grantForged: (claims: PermitClaims) => logger.error(of(claims), 'the answer to a claim is not signed by the interlock; nothing was started'),
    grantLate: (claims: PermitClaims) => logger.warn(of(claims), 'a claim was granted so long ago that its run may have been given up; nothing was started'),
    runStarted: (claims: PermitClaims) => logger.info(of(claims), 'run started'),
    runFailed: (claims: PermitClaims, error: unknown) => logger.error({ ...of(claims), err: error }, 'a run failed in a way that it should not; how far it came is not known'),
    runEnded: (claims: PermitClaims, report: RunReport) =>
      logger.info({ ...of(claims), status: report.status, exitCode: report.exitCode, ms: report.endedAt - report.startedAt, truncated: report.truncated }, 'run ended'),
    reportDelayed: (runId: string, error: unknown) => logger.warn({ runId, err: error }, 'the result could not be reported yet; trying again'),
    reportDropped: (runId: string, code: string) => logger.error({ runId, code }, 'the interlock does not want this result; it is dropped'),
    leftoverFound: (runId: string, reason: string) => logger.warn({ runId, reason }, 'removed what an earlier process left of a run'),
    reapFailed: (error: unknown) => logger.warn({ err: error }, 'could not look for leftovers of earlier runs; trying again in half a minute'),
    heartbeatFailed: (error: unknown) => logger.warn({ err: error }, 'no heartbeat at the interlock'),
    stopping: (runIds: readonly string[], cause: string) => logger.warn({ runIds, cause }, 'stopping runs'),
  };
}
export type Events = ReturnType<typeof createEvents>;
