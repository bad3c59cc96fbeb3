import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { emptyWorkspaceRevision, type PlanOf } from '@megabot/contracts/action.ts';
import { exportItems, forgetPreview, remember } from '@megabot/contracts/endpoints/memory.ts';
import { runQueues, type Permit } from '@megabot/contracts/queues.ts';
import { createSigner, startFakeInterlock, type FakeInterlock } from '@megabot/execution/testing/fake-interlock.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { openMemoryDatabase } from '@megabot/testing/postgres-memory.ts';
import { createMemory, type Memory } from './app.ts';

const logger = silentLogger();
let interlock: FakeInterlock;
let db: Database;
let memory: Memory;

beforeEach(async () => {
  interlock = await startFakeInterlock();
  db = await openMemoryDatabase({ schema: 'memory', migrations: new URL('../migrations/', import.meta.url) });
  memory = await createMemory({ erasing: { permitPublicKey: interlock.signer.publicKey, instance: 'memory-1' } }, { bus: interlock.hub.bus('memory', { logger }), db, logger });
});
afterEach(async () => {
  await memory.close();
  await interlock.close();
  await db[Symbol.asyncDispose]();
});

const gateway = () => interlock.hub.bus('gateway', { logger });
async function hold(texts: Record<string, string>, space = 'default'): Promise<string[]> {
  const items = Object.entries(texts).map(([text, session]) => ({ text, session }));
  return (await gateway().call(remember, { items, space })).ids;
}
const held = async (space = 'default'): Promise<string[]> => (await gateway().call(exportItems, { space })).items.map((item) => item.text).toSorted();
const plan = (action: Partial<PlanOf<'memory_erase'>['action']>, items: number): PlanOf<'memory_erase'> => ({
  kind: 'memory_erase', conversation: 'default', workspaceRevision: emptyWorkspaceRevision, limits: { wallMs: 1_000, outputBytes: 1_000 }, items,
  action: { kind: 'memory_erase', space: 'default', ids: [], session: null, ...action },
});
async function reported() {
  for (let waited = 0; interlock.reports.length === 0; waited += 5) {
    if (waited > 8_000) assert.fail('no report came');
    await sleep(5);
  }
  return interlock.reports.shift()!.report;
}
const run = async (permit: Permit) => {
  await interlock.queue(permit, runQueues.memory);
  return await reported();
};

suite('forgetting with a permit', () => {
  test('forgets what the plan names, counts it, and nothing else', async () => {
    await hold({ one: 'work', two: 'work', three: 'home' });
    await hold({ other: 'work' }, 'second');
    const report = await run(interlock.signer.permitFor(plan({ session: 'work' }, 2)));
    assert.deepEqual([report.status, report.output, report.workspaceRevision], ['exited', 'forgot 2 items\n', null]);
    assert.deepEqual([await held(), await held('second')], [['three'], ['other']]);
    const [id] = await hold({ four: 'home' });
    assert.equal((await run(interlock.signer.permitFor(plan({ ids: [id!] }, 1)))).output, 'forgot 1 item\n');
    assert.deepEqual(await held(), ['three']);
    assert.equal((await run(interlock.signer.permitFor(plan({}, 5)))).output, 'forgot 1 item\n');
    assert.deepEqual(await held('second'), ['other']);
  });

  test('is refused as a whole when there is more than was shown', async () => {
    await hold({ one: 'work', two: 'work' });
    const report = await run(interlock.signer.permitFor(plan({ session: 'work' }, 1)));
    assert.equal(report.status, 'refused');
    assert.match(report.detail ?? '', /2 by now, more than the 1/);
    assert.equal((await held()).length, 2);
  });

  test('is counted for the interlock without forgetting anything', async () => {
    await hold({ one: 'work', two: 'work', three: 'home' });
    const count = async (request: object) => (await interlock.hub.bus('interlock', { logger }).call(forgetPreview, { space: 'default', ...request })).count;
    assert.deepEqual([await count({ session: 'work' }), await count({}), await count({ ids: ['none'] })], [2, 3, 0]);
    assert.equal((await held()).length, 3);
  });

  const attacks: Record<string, () => Permit> = {
    'signed by another key': () => createSigner().permitFor(plan({}, 9)),
    'for another executor': () => interlock.signer.permitFor(plan({}, 9), { claims: { executor: 'sandbox' } }),
    'whose plan was exchanged': () => ({ ...interlock.signer.permitFor(plan({ ids: ['x'] }, 0)), plan: plan({}, 9) }),
    'for a command, addressed to the memory': () => interlock.signer.permit({ claims: { executor: 'memory' } }),
    'that has expired': () => interlock.signer.permitFor(plan({}, 9), { now: Date.now() - 60_000 }),
  };
  for (const [which, permit] of Object.entries(attacks)) {
    test(`does nothing for a permit ${which}, and does not even ask`, async () => {
      await hold({ one: 'work' });
      await interlock.queue(permit(), runQueues.memory);
      await run(interlock.signer.permitFor(plan({ ids: ['none'] }, 0)));
      assert.equal(interlock.claims.length, 1);
      assert.deepEqual(await held(), ['one']);
    });
  }
});
