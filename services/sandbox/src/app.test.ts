import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { emptyWorkspaceRevision } from '@megabot/contracts/action.ts';
import { ServiceError, type ErrorCode } from '@megabot/contracts/errors.ts';
import { output } from '@megabot/contracts/events.ts';
import { ping } from '@megabot/contracts/endpoints/sandbox.ts';
import type { Permit } from '@megabot/contracts/queues.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createSandbox, type SandboxOptions } from './app.ts';
import { createJustBashDriver } from './driver/just-bash.ts';
import { createSigner, startFakeInterlock, type FakeInterlock } from '@megabot/execution/testing/fake-interlock.ts';
import { createHeldDriver } from './testing/held-driver.ts';
import { openWorkspaceStore, type WorkspaceStore } from './workspace/store.ts';

const logger = silentLogger();
const fail = (code: ErrorCode) => async (): Promise<never> => {
  throw new ServiceError(code, 'the test says so');
};

let interlock: FakeInterlock;
let folder: string;
let workspaces: WorkspaceStore;
let held: ReturnType<typeof createHeldDriver>;
let services: { close(): Promise<void> }[];

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 8_000) assert.fail(`waited in vain: ${what}`);
    await sleep(5);
  }
}
const start = async (options: Partial<SandboxOptions> = {}, driver = held.driver) => {
  const bus = interlock.hub.bus('sandbox', { logger });
  const service = await createSandbox(
    { instance: 'sandbox-1', permitPublicKey: interlock.signer.publicKey, concurrency: 2, heartbeatMs: 20, ...options },
    { bus, driver, workspaces, logger },
  );
  services.push(service);
  return service;
};
const startedRun = async (index = 0) => {
  await until(`run ${index} starts`, () => held.started.length > index);
  return held.started[index]!;
};
const reported = async (count = 1) => {
  await until(`${count} reports`, () => interlock.reports.length >= count);
  return interlock.reports.at(-1)!.report;
};
/** A good permit, queued after the one in question: once it runs, that one has had its chance. */
const afterwards = async (): Promise<void> => {
  const probe = interlock.signer.permit({ plan: { conversation: 'probe' } });
  await interlock.queue(probe);
  await until('the next permit is worked on', () => held.started.some((run) => run.spec.runId === probe.claims.runId));
};

beforeEach(async () => {
  interlock = await startFakeInterlock();
  folder = await mkdtemp(join(tmpdir(), 'megabot-sandbox-'));
  workspaces = await openWorkspaceStore({ root: folder });
  held = createHeldDriver();
  services = [];
});
afterEach(async () => {
  for (const service of services) await service.close();
  await interlock.close();
  await rm(folder, { recursive: true, force: true });
});

suite('a permitted run', () => {
  test('is claimed with its workspace\'s revision, executed as planned, streamed and reported once', async () => {
    const heard: { index: number; chunk: string }[] = [];
    await interlock.hub.bus('gateway', { logger }).follow(async ({ event, payload }) => {
      if (event.topic === output.topic) heard.push(payload as never);
    });
    await start();
    const permit = interlock.signer.permit();
    await interlock.queue(permit);
    const run = await startedRun();
    assert.deepEqual(run.spec.argv, permit.plan.argv);
    assert.equal(run.spec.workspace.revision, emptyWorkspaceRevision);
    run.print('hi\n');
    await until('the output is announced', () => heard.length === 1);
    run.exit();
    const report = await reported();
    assert.deepEqual([report.status, report.exitCode, report.output], ['exited', 0, 'hi\n']);
    assert.deepEqual(heard, [{ conversation: 'default', runId: permit.claims.runId, turnId: permit.claims.turnId, stream: 'stdout', index: 0, chunk: 'hi\n' }]);
    const [claim] = interlock.claims;
    assert.deepEqual(
      [claim?.permitId, claim?.runId, claim?.planHash, claim?.instance, claim?.workspaceRevision],
      [permit.claims.permitId, permit.claims.runId, permit.claims.planHash, 'sandbox-1', emptyWorkspaceRevision],
    );
    await sleep(60);
    assert.equal(interlock.reports.length, 1);
  });

  test('really runs in the embedded shell, and the next one finds what it left', async () => {
    await start({}, createJustBashDriver({}, { workspaces, logger }));
    await interlock.queue(interlock.signer.permit({ plan: { argv: ['bash', '-c', 'echo kept > note; echo hi'] } }));
    const first = await reported();
    assert.deepEqual([first.status, first.output, first.driver], ['exited', 'hi\n', 'just-bash (simulated shell)']);
    await interlock.queue(interlock.signer.permit({ plan: { argv: ['cat', 'note'], workspaceRevision: first.workspaceRevision! } }));
    assert.equal((await reported(2)).output, 'kept\n');
    assert.equal(interlock.claims[1]?.workspaceRevision, first.workspaceRevision);
  });

  test('runs beside another, up to the configured number', async () => {
    await start({ concurrency: 2 });
    for (let index = 0; index < 3; index++) await interlock.queue(interlock.signer.permit());
    const first = await startedRun(1).then(() => held.started[0]!);
    await sleep(30);
    assert.equal(held.started.length, 2);
    first.exit();
    await startedRun(2);
  });

  test('is counted while it runs, and the driver is named', async () => {
    await start();
    await interlock.queue(interlock.signer.permit());
    const run = await startedRun();
    const gateway = interlock.hub.bus('gateway', { logger });
    assert.deepEqual(await gateway.call(ping, {}), { ok: true, detail: 'held', driver: 'docker', simulated: false, running: 1 });
    run.exit();
  });
});

suite('nothing is started for a permit', () => {
  const cases: Record<string, () => Permit> = {
    'signed by another key': () => createSigner().permit(),
    'whose plan was exchanged': () => {
      const permit = interlock.signer.permit();
      return { ...permit, plan: { ...permit.plan, argv: ['bash', '-c', 'echo other'] } };
    },
    'that has expired': () => interlock.signer.permit({ now: Date.now() - 60_000 }),
  };
  for (const [which, permit] of Object.entries(cases)) {
    test(`${which}, and the interlock is not even asked`, async () => {
      await start();
      const refused = permit();
      await interlock.queue(refused);
      await afterwards();
      assert.equal(held.started.length, 1);
      assert.ok(interlock.claims.every((claim) => claim.permitId !== refused.claims.permitId));
    });
  }

  for (const code of ['permit_unknown', 'permit_claimed', 'permit_expired', 'permit_void', 'plan_mismatch', 'revision_mismatch', 'lockdown'] as const) {
    test(`whose claim is refused with ${code}; it is asked once and nothing is reported`, async () => {
      await start();
      const grant = interlock.answers.claim;
      interlock.answers.claim = fail(code);
      await interlock.queue(interlock.signer.permit());
      await until('the claim', () => interlock.claims.length === 1);
      interlock.answers.claim = grant;
      await afterwards();
      assert.deepEqual([held.started.length, interlock.claims.length, interlock.reports.length], [1, 2, 0]);
    });
  }

  test('when the grant is the answer to an earlier claim', async () => {
    await start();
    const honest = interlock.answers.claim;
    const permit = interlock.signer.permit();
    const { permitId, runId, planHash } = permit.claims;
    const recorded = interlock.signer.grant({ permitId, runId, planHash, nonce: 'the nonce of an earlier claim', epoch: 1 });
    interlock.answers.claim = async () => recorded;
    await interlock.queue(permit);
    await until('the claim', () => interlock.claims.length === 1);
    interlock.answers.claim = honest;
    await afterwards();
    assert.equal(held.started.length, 1);
  });

  test('when the grant is signed by another key', async () => {
    await start();
    const honest = interlock.answers.claim;
    const stranger = createSigner();
    interlock.answers.claim = async ({ permitId, runId, planHash, nonce }) => stranger.grant({ permitId, runId, planHash, nonce, epoch: 1 });
    await interlock.queue(interlock.signer.permit());
    await until('the claim', () => interlock.claims.length === 1);
    interlock.answers.claim = honest;
    await afterwards();
    assert.equal(held.started.length, 1);
  });

  test('that is delivered again after its run: the second claim is refused by the interlock', async () => {
    await start();
    const grant = interlock.answers.claim;
    const claimed = new Set<string>();
    interlock.answers.claim = async (request) => {
      if (claimed.has(request.permitId)) throw new ServiceError('permit_claimed', 'claimed before');
      claimed.add(request.permitId);
      return await grant(request);
    };
    const permit = interlock.signer.permit();
    await interlock.queue(permit);
    (await startedRun()).exit();
    await reported();
    await interlock.queue(permit);
    await afterwards();
    assert.deepEqual(held.started.filter((run) => run.spec.runId === permit.claims.runId).length, 1);
  });
});

suite('an interlock that is hard to reach', () => {
  test('gets a claim whose answer was lost again, with the same nonce, and the run starts once', async () => {
    await start();
    const grant = interlock.answers.claim;
    interlock.answers.claim = async (request) => {
      if (interlock.claims.length < 3) throw new ServiceError('unavailable', 'the answer is lost');
      return await grant(request);
    };
    await interlock.queue(interlock.signer.permit());
    await startedRun();
    assert.equal(interlock.claims.length, 3);
    assert.equal(new Set(interlock.claims.map((claim) => claim.nonce)).size, 1);
    assert.equal(held.started.length, 1);
  });

  test('is not asked beyond the permit\'s expiry', async () => {
    await start();
    interlock.answers.claim = fail('unavailable');
    await interlock.queue(interlock.signer.permit({ now: Date.now() - 19_800 }));
    await until('the claim', () => interlock.claims.length > 0);
    await sleep(900);
    const asked = interlock.claims.length;
    await sleep(600);
    assert.deepEqual([held.started.length, interlock.claims.length], [0, asked]);
  });

  test('gets the result until it has recorded it', async () => {
    await start();
    let failures = 0;
    interlock.answers.report = async () => {
      if (failures++ < 2) throw new ServiceError('unavailable', 'the database is away');
      return { recorded: true };
    };
    await interlock.queue(interlock.signer.permit());
    (await startedRun()).exit();
    await reported(3);
    await afterwards();
    assert.equal(interlock.reports.filter(({ report }) => report.status === 'exited').length, 3);
  });

  test('that no longer wants a result is not pressed', async () => {
    await start();
    interlock.answers.report = fail('run_ended');
    await interlock.queue(interlock.signer.permit());
    (await startedRun()).exit();
    await reported();
    await afterwards();
    assert.equal(interlock.reports.length, 1);
  });

  test('ends the runs when it has been silent for too long', async () => {
    interlock.answers.heartbeat = fail('unavailable');
    await start({ interlockLostMs: 80 });
    await interlock.queue(interlock.signer.permit());
    await startedRun();
    const report = await reported();
    assert.equal(report.status, 'interrupted');
    assert.match(report.detail ?? '', /interlock could not be reached/);
  });

  test('does not end them for one lost heartbeat', async () => {
    await start({ interlockLostMs: 5_000 });
    const calm = interlock.answers.heartbeat;
    interlock.answers.heartbeat = fail('unavailable');
    await interlock.queue(interlock.signer.permit());
    const run = await startedRun();
    await until('heartbeats fail', () => interlock.beats.length > 2);
    interlock.answers.heartbeat = calm;
    run.exit();
    assert.equal((await reported()).status, 'exited');
  });
});

suite('a run is stopped', () => {
  const runOne = async (options: Partial<SandboxOptions> = {}): Promise<string> => {
    await start(options);
    const permit = interlock.signer.permit();
    await interlock.queue(permit);
    await startedRun();
    return permit.claims.runId;
  };

  test('by the announcement of a lockdown, and every other one with it', async () => {
    await runOne({ heartbeatMs: 60_000 });
    await interlock.queue(interlock.signer.permit());
    await startedRun(1);
    await interlock.announceLockdown();
    await reported(2);
    assert.deepEqual(interlock.reports.map(({ report }) => report.status), ['killed_by_lockdown', 'killed_by_lockdown']);
  });

  test('by a heartbeat that tells of a lockdown whose announcement was lost', async () => {
    await runOne();
    interlock.answers.heartbeat = async () => ({ epoch: 2, lockdown: true, stop: [] });
    assert.equal((await reported()).status, 'killed_by_lockdown');
  });

  test('by a heartbeat of a later epoch: a lockdown came and was lifted unheard', async () => {
    await runOne();
    interlock.answers.heartbeat = async () => ({ epoch: 2, lockdown: false, stop: [] });
    assert.equal((await reported()).status, 'killed_by_lockdown');
  });

  test('right after its start, when the lockdown came with its claim', async () => {
    interlock.answers.heartbeat = async () => ({ epoch: 2, lockdown: true, stop: [] });
    await runOne({ heartbeatMs: 60_000 });
    assert.equal((await reported()).status, 'killed_by_lockdown');
  });

  test('by the announcement that names it, and no other', async () => {
    const runId = await runOne({ heartbeatMs: 60_000 });
    await interlock.queue(interlock.signer.permit());
    const other = await startedRun(1);
    await interlock.announceCancel(runId);
    assert.equal((await reported()).status, 'cancelled');
    assert.equal(interlock.reports[0]?.runId, runId);
    other.exit();
    assert.equal((await reported(2)).status, 'exited');
  });

  test('by a heartbeat that names it', async () => {
    const runId = await runOne();
    interlock.answers.heartbeat = async () => ({ epoch: 1, lockdown: false, stop: [runId] });
    assert.equal((await reported()).status, 'cancelled');
  });

  test('by a shutdown, and reported as interrupted before the service is gone', async () => {
    await runOne();
    await services[0]!.close();
    assert.equal(interlock.reports[0]?.report.status, 'interrupted');
  });

  test('when its grant arrives during a shutdown', async () => {
    await start();
    const grant = interlock.answers.claim;
    let release: (() => void) | undefined;
    const waiting = new Promise<void>((resolve) => (release = resolve));
    interlock.answers.claim = async (request) => {
      await waiting;
      return await grant(request);
    };
    await interlock.queue(interlock.signer.permit());
    await until('the claim', () => interlock.claims.length === 1);
    const closed = services[0]!.close();
    await sleep(20);
    release?.();
    await closed;
    assert.deepEqual(interlock.reports.map(({ report }) => report.status), ['interrupted']);
  });

  test('its lease is kept by heartbeats until its result is recorded', async () => {
    await start();
    const record = interlock.answers.report;
    interlock.answers.report = fail('unavailable');
    const permit = interlock.signer.permit();
    await interlock.queue(permit);
    (await startedRun()).exit();
    await reported(2);
    const beats = interlock.beats.length;
    await until('more heartbeats', () => interlock.beats.length > beats);
    assert.deepEqual(interlock.beats.at(-1), [permit.claims.runId]);
    interlock.answers.report = record;
    await reported(3);
  });
});

suite('what an earlier process left', () => {
  test('is reported as interrupted in the name of that process, and not run again', async () => {
    held.leftovers.push({ runId: 'left-run', permitId: 'left-permit', instance: 'sandbox-0', reason: 'lease_expired' });
    await start();
    const report = await reported();
    assert.equal(report.status, 'interrupted');
    const { permitId, runId, instance } = interlock.reports[0]!;
    assert.deepEqual({ permitId, runId, instance }, { permitId: 'left-permit', runId: 'left-run', instance: 'sandbox-0' });
    assert.equal(held.started.length, 0);
  });
});
