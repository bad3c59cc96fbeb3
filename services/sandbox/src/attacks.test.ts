import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createSandbox } from './app.ts';
import type { SandboxDriver } from './driver/port.ts';
import { startFakeInterlock, type FakeInterlock } from '@megabot/execution/testing/fake-interlock.ts';
import { createHeldDriver } from './testing/held-driver.ts';
import { openWorkspaceStore } from './workspace/store.ts';

const logger = silentLogger();
let interlock: FakeInterlock;
let held: ReturnType<typeof createHeldDriver>;
let folder: string;
let service: { close(): Promise<void> } | undefined;
let skew: number;

const start = async (driver: SandboxDriver = held.driver): Promise<void> => {
  const workspaces = await openWorkspaceStore({ root: folder });
  const options = { instance: 'sandbox-1', permitPublicKey: interlock.signer.publicKey, concurrency: 1, heartbeatMs: 20 };
  service = await createSandbox(options, { bus: interlock.hub.bus('sandbox', { logger }), driver, workspaces, logger, clock: () => Date.now() + skew });
};
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 8_000) assert.fail(`waited in vain: ${what}`);
    await sleep(5);
  }
}

beforeEach(async () => {
  interlock = await startFakeInterlock();
  held = createHeldDriver();
  folder = await mkdtemp(join(tmpdir(), 'megabot-sandbox-'));
  skew = 0;
});
afterEach(async () => {
  await service?.close();
  await interlock.close();
  await rm(folder, { recursive: true, force: true });
});

suite('between a grant and its run', () => {
  test('a sandbox that stood still meanwhile does not start what was given up long since', async () => {
    await start();
    const { claim } = interlock.answers;
    interlock.answers.claim = async (request) => {
      skew = 60_000;
      return await claim(request);
    };
    await interlock.queue(interlock.signer.permit());
    await until('the report', () => interlock.reports.length === 1);
    assert.equal(interlock.reports[0]?.report.status, 'interrupted');
    assert.match(interlock.reports[0]?.report.detail ?? '', /not run/);
    assert.equal(held.started.length, 0);
  });

  test('a lockdown that overtakes the grant stops the run, also where no heartbeat is answered', async () => {
    await start();
    interlock.answers.heartbeat = async () => {
      throw new ServiceError('unavailable', 'the test says so');
    };
    const { claim } = interlock.answers;
    interlock.answers.claim = async (request) => {
      await interlock.announceLockdown();
      await sleep(20);
      return await claim(request);
    };
    await interlock.queue(interlock.signer.permit());
    await until('the report', () => interlock.reports.length === 1);
    assert.equal(interlock.reports[0]?.report.status, 'killed_by_lockdown');
  });
});

suite('a report', () => {
  for (const code of ['too_large', 'bad_request', 'internal'] as const) {
    test(`that is refused as ${code} does not keep the place of the next run`, async () => {
      await start();
      interlock.answers.report = async () => {
        throw new ServiceError(code, 'the test says so');
      };
      await interlock.queue(interlock.signer.permit());
      await until('the first run', () => held.started.length === 1);
      held.started[0]?.exit();
      await interlock.queue(interlock.signer.permit());
      await until('the second run', () => held.started.length === 2);
    });
  }
});

test('an engine that is away does not keep the service from starting', async () => {
  const away = async (): Promise<never> => {
    throw new Error('connect ECONNREFUSED');
  };
  await start({ ...held.driver, reap: away });
  await interlock.queue(interlock.signer.permit());
  await until('the run', () => held.started.length === 1);
});
