import type { Queue } from '@megabot/contracts/endpoint.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createDedupe } from './dedupe.ts';
import { createInflight } from './inflight.ts';
import { holdLease } from './lease.ts';
import type { Delivery, Stoppable } from './port.ts';
import type { Carrier } from './tracing.ts';

interface Job {
  readonly body: string;
  readonly carrier: Carrier;
  attempt: number;
}

interface Worker {
  readonly concurrency: number;
  readonly retryMs: number;
  readonly handle: (body: string, carrier: Carrier, delivery: Delivery) => Promise<void>;
  readonly logger: Logger;
  readonly inflight: ReturnType<typeof createInflight>;
}

/** A work queue in memory: each job to one worker until its handler resolves, with the deadlines of the contract. */
export function createWorkQueue(queue: Queue, options: { ackWaitMs: number; drainMs: number }) {
  const dedupe = createDedupe();
  const ready: Job[] = [];
  const workers: Worker[] = [];
  const retries = new Set<NodeJS.Timeout>();

  function dispatch(): void {
    while (ready.length > 0) {
      const index = workers.findIndex((worker) => worker.inflight.size < worker.concurrency);
      const worker = workers[index];
      const job = worker === undefined ? undefined : ready.shift();
      if (worker === undefined || job === undefined) return;
      // The worker goes to the end of the line, so that replicas share.
      workers.splice(index, 1);
      workers.push(worker);
      void run(worker, job);
    }
  }

  async function run(worker: Worker, job: Job): Promise<void> {
    job.attempt++;
    const { attempt } = job;
    await worker.inflight.run(async ({ signal }) => {
      const lease = holdLease(
        options.ackWaitMs,
        async (working) => {
          await Promise.resolve();
          await worker.handle(job.body, job.carrier, { attempt, working, signal });
        },
        (error) => worker.logger.warn({ err: error, queue: queue.stream, attempt }, 'work on a queued message failed'),
      );
      const end = await lease.end;
      if (end !== 'done' && attempt >= queue.maxDeliver) {
        worker.logger.error({ queue: queue.stream, attempt }, 'a queued message failed for the last time and is dropped');
      } else if (end !== 'done') redeliver(job, end === 'failed' && !signal.aborted ? worker.retryMs : 0);
      if (end === 'expired') dispatch();
      await lease.settled;
    });
    dispatch();
  }

  function redeliver(job: Job, delayMs: number): void {
    if (delayMs === 0) {
      ready.unshift(job);
      return;
    }
    const timer = setTimeout(() => {
      retries.delete(timer);
      ready.push(job);
      dispatch();
    }, delayMs);
    retries.add(timer);
  }

  return {
    add(body: string, carrier: Carrier, id: string): void {
      if (!dedupe.claim(id)) return;
      ready.push({ body, carrier, attempt: 0 });
      dispatch();
    },
    work(options_: Pick<Worker, 'concurrency' | 'retryMs' | 'handle' | 'logger'>): Stoppable {
      const worker: Worker = { ...options_, inflight: createInflight() };
      workers.push(worker);
      dispatch();
      return {
        async stop() {
          const index = workers.indexOf(worker);
          if (index >= 0) workers.splice(index, 1);
          worker.inflight.abort();
          await worker.inflight.drain(options.drainMs);
          dispatch();
        },
      };
    },
    close(): void {
      for (const timer of retries) clearTimeout(timer);
      ready.length = 0;
    },
  };
}
