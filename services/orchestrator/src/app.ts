import { randomUUID } from 'node:crypto';
import { handle, type Bus } from '@megabot/bus/port.ts';
import { ping } from '@megabot/contracts/endpoints/orchestrator.ts';
import { configuration } from '@megabot/contracts/events.ts';
import { guestTurns, turns } from '@megabot/contracts/queues.ts';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { startActing, type ActingOptions } from './actions/executor.ts';
import type { WebDeps } from './actions/web-request.ts';
import { createOrchestratorEvents } from './events.ts';
import { checkHealth } from './health.ts';
import { createModelSource } from './model-source.ts';
import type { ModelDriver } from './model/port.ts';
import type { ModelDriverOptions } from './model/select.ts';
import { workOnTurn } from './worker.ts';

export interface OrchestratorOptions {
  /** What the environment says of the model; it wins over `meta-config.yaml`. */
  readonly model?: {
    readonly url?: string | null;
    readonly name?: string | null;
    readonly apiKey?: string | null;
    /** Where to look for a model server if nothing names one; Ollama's port on this machine by default. */
    readonly defaultUrl?: string;
    /** How long a model may say nothing; one minute by default. */
    readonly idleTimeoutMs?: number;
  };
  /** Turns of the owner and of paired devices worked on at a time; half as many guests' turns have places of their own. */
  readonly concurrency?: number;
  /** Names this replica in claims; random by default. */
  readonly replica?: string;
  readonly heartbeatMs?: number;
  /** How soon the queue delivers a turn again that could not be claimed or worked on. */
  readonly retryMs?: number;
  readonly graceMs?: number;
  /** With which it executes web requests and calls of MCP tools that were permitted; without it, such runs are not taken. */
  readonly acting?: ActingOptions;
}

export interface OrchestratorDeps {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly clock?: () => number;
  /** Makes the driver of a model server; the real ones by default. */
  readonly createModel?: (options: ModelDriverOptions) => ModelDriver;
  /** How names are resolved and requests carried; the system's ways by default. */
  readonly web?: Omit<WebDeps, 'localOnly'>;
}

/** Starts the orchestrator on a bus; resolves once it takes turns. It keeps nothing: any number of replicas may run. */
export async function createOrchestrator(options: OrchestratorOptions, deps: OrchestratorDeps): Promise<{ close(): Promise<void> }> {
  const { bus, logger, clock = Date.now, createModel } = deps;
  const lifecycle = new Lifecycle(logger);
  const events = createOrchestratorEvents(logger);
  const replica = options.replica ?? `orchestrator-${randomUUID()}`;
  const concurrency = options.concurrency ?? 8;
  const models = createModelSource(
    {
      url: options.model?.url ?? null,
      name: options.model?.name ?? null,
      apiKey: options.model?.apiKey ?? null,
      defaultUrl: options.model?.defaultUrl ?? 'http://127.0.0.1:11434',
      idleTimeoutMs: options.model?.idleTimeoutMs ?? 60_000,
    },
    { bus, logger, clock, ...(createModel ? { createModel } : {}) },
  );
  lifecycle.own('stores', 'model', async () => await models.close());

  const settings = await bus.listen(configuration, () => models.invalidate());
  lifecycle.own('intake', 'configuration', async () => await settings.stop());
  const server = await bus.serve([handle(ping, async () => await checkHealth(models))]);
  lifecycle.own('intake', 'endpoints', async () => await server.stop());
  const workerOptions = { replica, heartbeatMs: options.heartbeatMs ?? 3_000, graceMs: options.graceMs ?? 3_000 };
  for (const [queue, places] of [[turns, concurrency], [guestTurns, Math.ceil(concurrency / 2)]] as const) {
    const worker = await bus.work(queue, { concurrency: places, retryMs: options.retryMs ?? 1_000 }, async ({ turnId }, delivery) => {
      await workOnTurn(turnId, delivery, workerOptions, { bus, models, events, clock });
    });
    lifecycle.own('intake', queue.name, async () => await worker.stop());
  }
  if (options.acting) {
    const acting = await startActing(options.acting, { bus, logger, clock, web: { ...deps.web, localOnly: async () => await models.localOnly() } });
    lifecycle.own('work', 'actions', async () => await acting.close());
  }
  events.started({ replica, concurrency });
  return { close: async () => await lifecycle.close() };
}
