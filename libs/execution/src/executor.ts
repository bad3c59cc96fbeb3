import { randomBytes } from 'node:crypto';
import type { Bus, Delivery } from '@megabot/bus/port.ts';
import type { ActionKind, ExecutorName, PlanOf } from '@megabot/contracts/action.ts';
import { cancel, lockdown } from '@megabot/contracts/events.ts';
import { runQueues, type Permit, type PermitOf } from '@megabot/contracts/queues.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import type { PermitClaims } from '@megabot/contracts/ticket.ts';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createActiveRuns } from './active-runs.ts';
import { claimOnce } from './claim.ts';
import { createEvents } from './events.ts';
import { createHeartbeat } from './heartbeat.ts';
import { isGrantFor, isOfKind, refusePermit } from './permit.ts';
import { interruptedReport, plainReport, stoppedAs, type StopCause } from './report.ts';
import { createReporter } from './reporter.ts';

export interface ExecutorOptions<Kind extends ActionKind> {
  /** The service that executes; permits for any other are refused. */
  readonly service: ExecutorName;
  /** Names this replica, the same after a restart. */
  readonly instance: string;
  /** The interlock's key for permits and grants, pinned. */
  readonly permitPublicKey: string;
  /** What it executes; a permit for another kind is refused, whoever signed it. */
  readonly kinds: readonly Kind[];
  /** Runs at a time. */
  readonly concurrency: number;
  /** What reports name as the driver; the service, where nothing else is said. */
  readonly driver?: string;
  readonly heartbeatMs?: number;
  /** A run is stopped when no heartbeat was answered for this long. */
  readonly interlockLostMs?: number;
}

/** What an executor does its runs in. `workspaceRevision` is claimed; where it is left out, the plan's own is. */
export interface Prepared {
  readonly workspaceRevision?: string;
}

export interface RunContext<P extends Prepared> {
  readonly prepared: P;
  /** Aborts, with a `StopCause` as its reason, when the run has to stop. */
  readonly signal: AbortSignal;
  /** Why it was told to stop, if it was. */
  cause(): StopCause | undefined;
}

/** Something that an earlier process began and nobody will end. */
export interface Leftover {
  readonly runId: string;
  readonly permitId: string;
  readonly instance: string;
  readonly reason: string;
}

export interface ExecutorDeps<Kind extends ActionKind, P extends Prepared> {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly clock?: () => number;
  /** Looked up before the claim: what the run gets is what was claimed. */
  readonly prepare: (plan: PlanOf<Kind>) => Promise<P>;
  /** Executes a granted permit, once, and says how it ended. What it throws is reported as `engine_failure`. */
  readonly run: (permit: PermitOf<Kind>, context: RunContext<P>) => Promise<RunReport>;
  /** Removes and names what is left of runs whose process is gone; asked at the start and every half minute. */
  readonly reap?: () => Promise<readonly Leftover[]>;
  /** Ends at once what is being executed; called at shutdown, when every run was told to stop. */
  readonly halt?: () => Promise<void>;
}

/**
 * A process that was stopped or a machine that slept may hold a grant whose run was given up long since. A run's lease is
 * longer than what is left of its permit and this, so within it the run is still ours.
 */
const lateMs = 3_000;

export interface Executor {
  /** How many runs are in hand. */
  running(): number;
  close(): Promise<void>;
}

/** Executes what the interlock permits and nothing else: takes permits, claims each right before its start, reports its end. */
export async function createExecutor<Kind extends ActionKind, P extends Prepared>(options: ExecutorOptions<Kind>, deps: ExecutorDeps<Kind, P>): Promise<Executor> {
  const { bus } = deps;
  const clock = deps.clock ?? Date.now;
  const driver = options.driver ?? options.service;
  const lifecycle = new Lifecycle(deps.logger);
  const events = createEvents(deps.logger);
  const active = createActiveRuns(events.stopping);
  const reporter = createReporter(bus, events);
  const beat = createHeartbeat({ instance: options.instance, interlockLostMs: options.interlockLostMs ?? 30_000 }, { bus, active, events });

  const targetOf = ({ permitId, runId }: PermitClaims) => ({ permitId, runId, instance: options.instance });

  const execute = async (permit: PermitOf<Kind>, context: RunContext<P>): Promise<RunReport> => {
    const startedAt = clock();
    try {
      return await deps.run(permit, context);
    } catch (error) {
      const cause = context.cause();
      if (cause !== undefined) return plainReport({ ...stoppedAs(cause, options.service), driver, startedAt, endedAt: clock() });
      events.runFailed(permit.claims, error);
      return plainReport({ status: 'engine_failure', detail: `The ${options.service} failed. Whether it was done is not known.`, driver, startedAt, endedAt: clock() });
    }
  };

  const claimed = async (permit: PermitOf<Kind>, workspaceRevision: string) => {
    const { permitId, runId, planHash, expiresAt } = permit.claims;
    const nonce = randomBytes(18).toString('base64url');
    try {
      const answer = await claimOnce(bus, { permitId, runId, planHash, nonce, instance: options.instance, workspaceRevision }, { expiresAt, clock, signal: lifecycle.signal });
      if (isGrantFor(answer.grant, answer.grantSignature, permit.claims, nonce, options.permitPublicKey)) return answer.grant;
      events.grantForged(permit.claims);
    } catch (error) {
      events.claimRefused(permit.claims, error instanceof Error ? error.message : String(error));
    }
    return undefined;
  };

  const runGranted = async (permit: PermitOf<Kind>, prepared: P, epoch: number): Promise<void> => {
    const { claims } = permit;
    const run = active.begin(claims.runId, epoch);
    try {
      // The epoch is compared each second from here on, and once right away, in case the lockdown came with the claim.
      if (run.cause === undefined) setImmediate(() => void beat());
      events.runStarted(claims);
      const report = await execute(permit, { prepared, signal: run.controller.signal, cause: () => run.cause });
      events.runEnded(claims, report);
      // Its lease is kept until its end is recorded.
      await reporter.send(targetOf(claims), report);
    } finally {
      active.end(claims.runId);
    }
  };

  /** A permit that is not used up here, whatever the reason, is issued anew by the interlock. */
  const onPermit = async (permit: Permit, delivery: Delivery): Promise<void> => {
    const { claims } = permit;
    const refusal = refusePermit(permit, options, clock());
    if (refusal || !isOfKind(permit, options.kinds)) return events.permitRefused(claims, refusal ?? 'other_kind');
    if (active.has(claims.runId)) return;
    const alive = setInterval(() => delivery.working(), 3_000);
    try {
      const prepared = await deps.prepare(permit.plan);
      const grant = await claimed(permit, prepared.workspaceRevision ?? permit.plan.workspaceRevision);
      if (!grant) return;
      if (clock() >= claims.expiresAt + lateMs) {
        events.grantLate(claims);
        return await reporter.send(targetOf(claims), interruptedReport(driver, clock(), `The ${options.service} stood still before it could start. It was not run.`));
      }
      await runGranted(permit, prepared, grant.epoch);
    } finally {
      clearInterval(alive);
    }
  };

  const reportLeftovers = async (): Promise<void> => {
    for (const { runId, permitId, instance, reason } of (await deps.reap?.()) ?? []) {
      events.leftoverFound(runId, reason);
      void reporter.send({ permitId, runId, instance }, interruptedReport(driver, clock(), `The ${options.service} was stopped while it ran. It was not run again.`));
    }
  };

  try {
    // What cannot be looked for now is no reason not to start: it is looked for again every half minute.
    await reportLeftovers().catch((error: unknown) => events.reapFailed(error));
    lifecycle.own('stores', 'reports', () => reporter.stop());
    const lockdowns = await bus.listen(lockdown, (event) => void (event.lockdown && active.lockedDown(event.epoch)));
    lifecycle.own('stores', 'lockdowns', async () => await lockdowns.stop());
    const cancels = await bus.listen(cancel, (event) => active.stop(event.runIds, 'cancel'));
    lifecycle.own('stores', 'cancels', async () => await cancels.stop());
    lifecycle.every(options.heartbeatMs ?? 1_000, 'heartbeat', beat);
    if (deps.reap) lifecycle.every(30_000, 'reap', reportLeftovers);
    const worker = await bus.work(runQueues[options.service], { concurrency: options.concurrency }, onPermit);
    lifecycle.own('work', 'runs', async () => {
      const workerStopped = worker.stop();
      active.stopAll('shutdown');
      await deps.halt?.();
      await workerStopped;
    });
  } catch (error) {
    // Whoever starts it again must not find two of it listening.
    await lifecycle.close();
    throw error;
  }
  return { running: () => active.size, close: async () => await lifecycle.close() };
}
