import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { EgressRequest, EgressSummary } from '@megabot/contracts/egress.ts';
import { startFakeInterlock, type FakeInterlock } from '@megabot/execution/testing/fake-interlock.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createSandbox } from './app.ts';
import { isRunNetwork } from './driver/run-rules.ts';
import type { SandboxDriver } from './driver/port.ts';
import { createJustBashDriver } from './driver/just-bash.ts';
import { NetworkRefused, type NetworkSource } from './network/port.ts';
import { createHeldDriver } from './testing/held-driver.ts';
import { openWorkspaceStore, type WorkspaceStore } from './workspace/store.ts';

const logger = silentLogger();

suite('a command that was granted network', () => {
  let interlock: FakeInterlock;
  let folder: string;
  let workspaces: WorkspaceStore;
  let held: ReturnType<typeof createHeldDriver>;
  let opened: EgressRequest[];
  let closed: number;
  let summary: EgressSummary | null;
  let service: { close(): Promise<void> } | undefined;
  const source: NetworkSource = {
    open: async (request) => {
      opened.push(request);
      return {
        attachment: { network: 'megabot_run-0', env: { HTTPS_PROXY: 'http://run:token@10.231.78.2:3128' } },
        close: async () => {
          closed++;
          return summary;
        },
      };
    },
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'network-run-'));
    workspaces = await openWorkspaceStore({ root: folder });
    interlock = await startFakeInterlock();
    held = createHeldDriver();
    [opened, closed, summary] = [[], 0, { hosts: [{ host: 'pypi.org', connections: 2, refused: 0, bytes: 2_048 }, { host: 'evil.example', connections: 0, refused: 3, bytes: 0 }] }];
  });
  afterEach(async () => {
    await service?.close();
    await interlock.close();
    await rm(folder, { recursive: true });
  });
  const start = async (network: NetworkSource | undefined, driver: SandboxDriver = held.driver): Promise<void> => {
    service = await createSandbox({ instance: 'one', permitPublicKey: interlock.signer.publicKey, concurrency: 2, heartbeatMs: 50 }, { bus: interlock.hub.bus('sandbox', { logger }), driver, workspaces, logger, ...(network ? { network } : {}) });
  };
  const until = async (holds: () => boolean): Promise<void> => {
    for (let waited = 0; !holds(); waited += 5) {
      if (waited > 5_000) assert.fail('waited in vain');
      await sleep(5);
    }
  };
  const report = async () => {
    await until(() => interlock.reports.length > 0);
    return interlock.reports.at(-1)?.report ?? assert.fail();
  };
  const granted = { plan: { network: { hosts: ['pypi.org'] }, env: { LANG: 'C.UTF-8' } } } as const;

  test('joins a network of its own, with the proxy beside its environment, until it has ended', async () => {
    await start(source);
    const permit = interlock.signer.permit({ plan: { ...granted.plan, network: { hosts: ['pypi.org'] } } });
    await interlock.queue(permit);
    await until(() => held.started.length > 0);
    const run = held.started[0] ?? assert.fail();
    assert.deepEqual([run.spec.network, run.spec.env], ['megabot_run-0', { LANG: 'C.UTF-8', HTTPS_PROXY: 'http://run:token@10.231.78.2:3128' }]);
    assert.deepEqual(opened, [{ runId: permit.claims.runId, network: { hosts: ['pypi.org'] }, lifetimeMs: permit.plan.limits.wallMs + 150_000 }]);
    assert.equal(closed, 0);
    run.exit();
    const { status, detail } = await report();
    assert.deepEqual([status, closed, detail], ['exited', 1, 'It reached pypi.org (2 connections, 2.0 KiB) and was refused evil.example (3 times).']);
  });

  test('loses it when it is stopped', async () => {
    await start(source);
    const permit = interlock.signer.permit({ plan: { network: 'internet' } });
    await interlock.queue(permit);
    await until(() => held.started.length > 0);
    await interlock.announceLockdown();
    assert.equal((await report()).status, 'killed_by_lockdown');
    assert.equal(closed, 1);
  });

  test('says so when the proxy was lost on the way', async () => {
    summary = null;
    await start(source);
    await interlock.queue(interlock.signer.permit({ plan: { network: 'internet' } }));
    await until(() => held.started.length > 0);
    held.started[0]?.exit();
    assert.match((await report()).detail ?? '', /had no network/);
  });

  test('is not started where there is none, and its person reads why', async () => {
    await start({ open: async () => { throw new NetworkRefused('There is no network today.'); } });
    await interlock.queue(interlock.signer.permit({ plan: { network: 'internet' } }));
    const { status, detail } = await report();
    assert.deepEqual([status, detail, held.started.length], ['refused', 'There is no network today.', 0]);
  });

  test('that is stopped while it waits for one was stopped, not refused', async () => {
    await start({ open: async (_request, signal) => await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new NetworkRefused('full')))) });
    const permit = interlock.signer.permit({ plan: { network: 'internet' } });
    await interlock.queue(permit);
    await until(() => interlock.claims.length > 0);
    await sleep(50);
    await interlock.announceCancel(permit.claims.runId);
    assert.deepEqual([(await report()).status, held.started.length], ['cancelled', 0]);
  });

  test('is not started in the simulated shell', async () => {
    await start(undefined, createJustBashDriver({}, { workspaces, logger }));
    await interlock.queue(interlock.signer.permit({ plan: { network: 'internet' } }));
    const { status, detail } = await report();
    assert.equal(status, 'refused');
    assert.match(detail ?? '', /gives no network/);
  });

  test('without a grant asks for none', async () => {
    await start(source);
    await interlock.queue(interlock.signer.permit());
    await until(() => held.started.length > 0);
    assert.deepEqual([held.started[0]?.spec.network, opened], ['none', []]);
    held.started[0]?.exit();
    assert.equal((await report()).detail, null);
  });

  test('gets what it is given on standard input', async () => {
    await start(source);
    await interlock.queue(interlock.signer.permit({ plan: { stdin: 'a line\n' } }));
    await until(() => held.started.length > 0);
    assert.equal(held.started[0]?.spec.stdin, 'a line\n');
  });
});

test('a driver puts a command into no network but those of runs', () => {
  for (const network of ['none', 'megabot_run-0', 'my-megabot_run-12']) assert.equal(isRunNetwork(network), true, network);
  for (const network of ['', 'host', 'bridge', 'default', 'megabot_bus', 'megabot_data', 'megabot_egress', 'container:abc', 'run-0', 'megabot_run-0 ', 'megabot_run-0\n', 'megabot_run-', 'x_run-123', 'NONE']) assert.equal(isRunNetwork(network), false, network);
});
