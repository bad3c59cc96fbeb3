import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { handle, type Bus, type Delivery } from '@megabot/bus/port.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { claim, heartbeat } from '@megabot/contracts/endpoints/interlock.ts';
import { ping } from '@megabot/contracts/endpoints/sandbox.ts';
import { cancel, lockdown, output as outputEvent } from '@megabot/contracts/events.ts';
import { runs, type Permit } from '@megabot/contracts/queues.ts';
import type { PermitClaims } from '@megabot/contracts/ticket.ts';
import { PermanentError, retry } from '@megabot/lifecycle/backoff.ts';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { SandboxDriver } from './driver/port.ts';
import { createEvents } from './events.ts';
import { createOutputPublisher } from './output-publisher.ts';
import { isGrantFor, refusePermit } from './permit.ts';
import { interruptedReport, reportOf, type StopCause } from './report.ts';
import { createReporter } from './reporter.ts';
import type { WorkspaceHandle, WorkspaceStore } from './workspace/store.ts';

export interface SandboxOptions {
  /** Names this replica, the same after a restart. */
  readonly instance: string;
  /** The interlock's key for permits and grants, pinned. */
  readonly permitPublicKey: string;
  /** Runs at a time. */
  readonly concurrency: number;
  readonly heartbeatMs?: number;
  /** A run is stopped when no heartbeat was answered for this long. */
  readonly interlockLostMs?: number;
}

export interface SandboxDeps {
  readonly bus: Bus;
  readonly driver: SandboxDriver;
  readonly workspaces: WorkspaceStore;
  readonly logger: Logger;
  readonly clock?: () => number;
}

interface ActiveRun {
  readonly controller: AbortController;
  /** Of the lockdowns, when the run was granted: a later one means that a lockdown came in between, lifted since or not. */
  readonly epoch: number;
  cause?: StopCause;
}

/**
 * A process that was stopped or a machine that slept may hold a grant whose run was given up long since. A run's lease is
 * longer than what is left of its permit and this, so within it the run is still ours.
 */
const lateMs = 3_000;

/** Executes what the interlock permits and nothing else: takes permits, claims each right before its start, reports its end. */
export async function createSandbox(options: SandboxOptions, deps: SandboxDeps): Promise<{ close(): Promise<void> }> {
  const { bus, driver, logger } = deps;
  const clock = deps.clock ?? Date.now;
  const heartbeatMs = options.heartbeatMs ?? 1_000;
  const interlockLostMs = options.interlockLostMs ?? 30_000;
  const events = createEvents(logger);
  const lifecycle = new Lifecycle(logger);
  const active = new Map<string, ActiveRun>();
  const reporter = createReporter(bus, events);
  /** By the clock that nobody sets: a jump of the other one ends no run. */
  let lastHeartbeatAt = performance.now();
  /** Epoch of the last lockdown that was heard of: it may overtake the answer to a claim. */
  let lockedDownAt = -1;

  const stop = (runIds: Iterable<string>, cause: StopCause) => {
    const stopped: string[] = [];
    for (const runId of runIds) {
      const run = active.get(runId);
      if (!run || run.controller.signal.aborted) continue;
      run.cause = cause;
      run.controller.abort(cause === 'interlock_lost' ? 'cancel' : cause);
      stopped.push(runId);
    }
    if (stopped.length > 0) events.stopping(stopped, cause);
  };

  const beat = async () => {
    if (active.size === 0) {
      lastHeartbeatAt = performance.now();
      return;
    }
    try {
      const answer = await bus.call(heartbeat, { instance: options.instance, running: [...active.keys()] });
      lastHeartbeatAt = performance.now();
      stop(answer.stop, 'cancel');
      const outlived = [...active].filter(([, run]) => answer.lockdown || answer.epoch > run.epoch);
      stop(outlived.map(([runId]) => runId), 'lockdown');
    } catch (error) {
      events.heartbeatFailed(error);
      if (performance.now() - lastHeartbeatAt > interlockLostMs) stop(active.keys(), 'interlock_lost');
    }
  };

  const execute = async (permit: Permit, workspace: WorkspaceHandle, run: ActiveRun) => {
    const { claims, plan } = permit;
    const publisher = createOutputPublisher({
      flushMs: 40,
      maxChunk: 16_384,
      send: async (stream, index, chunk) => {
        const body = { conversation: plan.conversation, runId: claims.runId, turnId: claims.turnId, stream, index, chunk };
        await bus
          .publish(outputEvent, body, { conversation: plan.conversation, id: `${claims.runId}:${index}` })
          .catch((error: unknown) => events.outputLost(claims.runId, error));
      },
    });
    events.runStarted(claims);
    const result = await driver.run(
      {
        runId: claims.runId,
        permitId: claims.permitId,
        conversation: plan.conversation,
        argv: plan.argv,
        cwd: plan.cwd,
        env: plan.env,
        image: plan.image,
        network: plan.network,
        limits: plan.limits,
        workspace,
        ...(plan.files.length > 0 ? { files: plan.files.map((file) => ({ path: file.path, bytes: Buffer.from(file.content, 'utf8') })) } : {}),
      },
      { onOutput: (stream, chunk) => publisher.add(stream, chunk), signal: run.controller.signal },
    );
    const report = reportOf(result, run.cause);
    await publisher.finish();
    events.runEnded(claims, report);
    await reporter.send({ permitId: claims.permitId, runId: claims.runId, instance: options.instance }, report);
  };

  /** Asks again with the same nonce when an answer was lost: the interlock then repeats its grant. */
  const claimOnce = async (request: z.input<(typeof claim)['request']>, claims: PermitClaims) => {
    const { signal } = lifecycle;
    const askAgain = async () => {
      try {
        return await bus.call(claim, request, { timeoutMs: 2_000 });
      } catch (error) {
        const mayMend = isServiceError(error, 'timeout', 'disconnected', 'no_responders', 'unavailable') && clock() < claims.expiresAt;
        if (mayMend || !isServiceError(error)) throw error;
        throw new PermanentError(error.code, { cause: error });
      }
    };
    try {
      return await retry(askAgain, { minMs: 50, maxMs: 500, attempts: 20, signal });
    } catch (error) {
      events.claimRefused(claims, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };

  /** A permit that is not used up here, whatever the reason, is issued anew by the interlock. */
  const onPermit = async (permit: Permit, delivery: Delivery) => {
    const { claims } = permit;
    const refusal = refusePermit(permit, options.permitPublicKey, clock());
    if (refusal) return events.permitRefused(claims, refusal);
    if (active.has(claims.runId)) return;
    const alive = setInterval(() => delivery.working(), 3_000);
    try {
      const nonce = randomBytes(18).toString('base64url');
      // The run gets the very workspace whose revision is claimed.
      const workspace = await deps.workspaces.get(permit.plan.conversation);
      const request = { permitId: claims.permitId, runId: claims.runId, planHash: claims.planHash, nonce, instance: options.instance, workspaceRevision: workspace.revision };
      const answer = await claimOnce(request, claims);
      if (!answer) return;
      if (!isGrantFor(answer.grant, answer.grantSignature, claims, nonce, options.permitPublicKey)) return events.grantForged(claims);
      if (clock() >= claims.expiresAt + lateMs) {
        events.grantLate(claims);
        const target = { permitId: claims.permitId, runId: claims.runId, instance: options.instance };
        return await reporter.send(target, interruptedReport(driver.name, clock(), 'The sandbox stood still before it could start. It was not run.'));
      }
      const run: ActiveRun = { controller: new AbortController(), epoch: answer.grant.epoch };
      active.set(claims.runId, run);
      // The epoch is compared each second from here on, and once right away, in case the lockdown came with the claim.
      if (lockedDownAt > run.epoch) stop([claims.runId], 'lockdown');
      else setImmediate(() => void beat());
      await execute(permit, workspace, run);
    } finally {
      clearInterval(alive);
      active.delete(claims.runId);
    }
  };

  const reportLeftovers = async () => {
    for (const leftover of await driver.reap()) {
      events.leftoverFound(leftover.runId, leftover.reason);
      void reporter.send({ permitId: leftover.permitId, runId: leftover.runId, instance: leftover.instance }, interruptedReport(driver.name, clock(), 'The sandbox was stopped while it ran. It was not run again.'));
    }
  };

  // An engine that is away is no reason not to start: health says so, and it is looked at again every half minute.
  await reportLeftovers().catch((error: unknown) => events.reapFailed(error));
  const listeners = await Promise.all([
    bus.listen(lockdown, (event) => {
      if (!event.lockdown) return;
      lockedDownAt = Math.max(lockedDownAt, event.epoch);
      stop([...active.keys()], 'lockdown');
    }),
    bus.listen(cancel, (event) => stop(event.runIds, 'cancel')),
  ]);
  const server = await bus.serve([
    handle(ping, async () => {
      const ready = await driver.ready();
      return { ok: ready.ok, detail: ready.detail, driver: driver.name, simulated: driver.simulated, running: active.size };
    }),
  ]);
  lifecycle.every(heartbeatMs, 'heartbeat', beat);
  lifecycle.every(30_000, 'reap', reportLeftovers);
  const worker = await bus.work(runs, { concurrency: options.concurrency }, onPermit);

  lifecycle.own('work', 'runs', async () => {
    const workerStopped = worker.stop();
    stop([...active.keys()], 'shutdown');
    await driver.close();
    await workerStopped;
  });
  lifecycle.own('stores', 'bus bindings', async () => {
    reporter.stop();
    await Promise.all([server.stop(), ...listeners.map((listener) => listener.stop())]);
  });
  return { close: () => lifecycle.close() };
}
