import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Bus } from '@megabot/bus/port.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { PermitOf } from '@megabot/contracts/queues.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createExecutor, type Executor, type RunContext } from './executor.ts';
import { plainReport } from './report.ts';
import { startFakeInterlock, type FakeInterlock } from './testing/fake-interlock.ts';

const logger = silentLogger();
let interlock: FakeInterlock;
let executor: Executor | undefined;

beforeEach(async () => {
  interlock = await startFakeInterlock();
});
afterEach(async () => {
  await executor?.close();
  await interlock.close();
});

type Run = (permit: PermitOf<'shell'>, context: RunContext<object>) => Promise<ReturnType<typeof plainReport>>;
const start = async (run: Run): Promise<void> => {
  executor = await createExecutor(
    { service: 'sandbox', instance: 'one', permitPublicKey: interlock.signer.publicKey, kinds: ['shell'], concurrency: 2, heartbeatMs: 20 },
    { bus: interlock.hub.bus('sandbox', { logger }), logger, prepare: async () => ({}), run },
  );
};
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 8_000) assert.fail(`waited in vain: ${what}`);
    await sleep(5);
  }
}
const done = () => plainReport({ status: 'exited', exitCode: 0, driver: 'test', startedAt: 0, endedAt: 0 });

suite('an executor', () => {
  test('reports what fails in an unforeseen way as a failure whose extent is not known, and goes on', async () => {
    let runs = 0;
    await start(async () => {
      if (++runs === 1) throw new Error('a defect');
      return done();
    });
    await interlock.queue(interlock.signer.permit());
    await until('the first report', () => interlock.reports.length === 1);
    assert.deepEqual([interlock.reports[0]?.report.status, /not known/.test(interlock.reports[0]?.report.detail ?? '')], ['engine_failure', true]);
    await interlock.queue(interlock.signer.permit());
    await until('the second report', () => interlock.reports.length === 2);
    assert.equal(interlock.reports[1]?.report.status, 'exited');
  });

  test('reports a run that broke because it was told to stop as stopped, for the reason it was', async () => {
    await start(async (_permit, { signal }) => await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))));
    const permit = interlock.signer.permit();
    await interlock.queue(permit);
    await until('the run', () => executor?.running() === 1);
    await interlock.announceCancel(permit.claims.runId);
    await until('the report', () => interlock.reports.length === 1);
    assert.equal(interlock.reports[0]?.report.status, 'cancelled');
  });

  test('that cannot take permits leaves nothing behind, so that it can be started again', async () => {
    const bus = interlock.hub.bus('sandbox', { logger });
    let listening = 0;
    const broken: Bus = Object.assign(Object.create(bus) as Bus, {
      listen: async (...request: Parameters<Bus['listen']>) => {
        const { stop } = await bus.listen(...request);
        listening += 1;
        return { stop: async () => { listening -= 1; await stop(); } };
      },
      work: async () => { throw new ServiceError('disconnected', 'The bus is away.'); },
    });
    const options = { service: 'sandbox', instance: 'one', permitPublicKey: interlock.signer.publicKey, kinds: ['shell'], concurrency: 2 } as const;
    await assert.rejects(createExecutor(options, { bus: broken, logger, prepare: async () => ({}), run: async () => done() }), /away/);
    assert.equal(listening, 0);
    await start(async () => done());
    await interlock.queue(interlock.signer.permit());
    await until('the report', () => interlock.reports.length === 1);
  });

  test('keeps the lease of a run whose permit is delivered twice at once', async () => {
    let end: (() => void) | undefined;
    await start(async () => await new Promise((resolve) => (end = () => resolve(done()))));
    const { claim } = interlock.answers;
    let asked = 0;
    interlock.answers.claim = async (request) => {
      if (++asked === 1) return await claim(request);
      await sleep(30);
      throw new ServiceError('permit_claimed', 'The permit was used already.');
    };
    const permit = interlock.signer.permit();
    await Promise.all([interlock.queue(permit), interlock.queue(permit)]);
    await until('both are answered', () => asked === 2);
    await sleep(60);
    const beats = interlock.beats.length;
    await until('more heartbeats', () => interlock.beats.length > beats + 1);
    assert.deepEqual(interlock.beats.at(-1), [permit.claims.runId]);
    end?.();
    await until('the report', () => interlock.reports.length === 1);
  });
});
