import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { emptyWorkspaceRevision, type PlanOf } from '@megabot/contracts/action.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { runQueues, type Permit } from '@megabot/contracts/queues.ts';
import type { Executor } from '@megabot/execution/executor.ts';
import { createSigner, startFakeInterlock, type FakeInterlock } from '@megabot/execution/testing/fake-interlock.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startActing } from './executor.ts';

const logger = silentLogger();
const place = { conversation: 'default', workspaceRevision: emptyWorkspaceRevision, limits: { wallMs: 1_000, outputBytes: 1_000 } };
const mcp: PlanOf<'mcp_call'> = { kind: 'mcp_call', ...place, action: { kind: 'mcp_call', server: 'files', tool: 'read', arguments: {} } };
const web: PlanOf<'web_request'> = { kind: 'web_request', ...place, action: { kind: 'web_request', method: 'GET', url: 'https://example.org/', headers: {}, body: null } };

let interlock: FakeInterlock;
let acting: Executor;
let resolved: number;

beforeEach(async () => {
  interlock = await startFakeInterlock();
  resolved = 0;
  const resolve = async (): Promise<never> => {
    resolved += 1;
    throw Object.assign(new Error('offline'), { code: 'EAI_AGAIN' });
  };
  acting = await startActing(
    { permitPublicKey: interlock.signer.publicKey, instance: 'orchestrator-1' },
    { bus: interlock.hub.bus('orchestrator', { logger }), logger, clock: Date.now, web: { localOnly: async () => false, resolve } },
  );
});
afterEach(async () => {
  await acting.close();
  await interlock.close();
});

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 8_000) assert.fail(`waited in vain: ${what}`);
    await sleep(5);
  }
}

suite('the executor of the orchestrator', () => {
  test('says of an MCP server that nobody configured that there is none', async () => {
    await interlock.queue(interlock.signer.permitFor(mcp));
    await until('the report', () => interlock.reports.length === 1);
    const { report } = interlock.reports[0]!;
    assert.deepEqual([report.status, report.detail], ['refused', 'No MCP server named files is configured.']);
  });

  test('makes a permitted request', async () => {
    await interlock.queue(interlock.signer.permitFor(web));
    await until('the report', () => interlock.reports.length === 1);
    assert.equal(resolved, 1);
  });

  const attacks: Record<string, () => Permit> = {
    'signed by another key': () => createSigner().permitFor(web),
    'for the sandbox': () => interlock.signer.permitFor(web, { claims: { executor: 'sandbox' } }),
    'whose address was exchanged': () => ({ ...interlock.signer.permitFor(web), plan: { ...web, action: { ...web.action, url: 'https://evil.example/' } } }),
    'for a command, addressed to it': () => interlock.signer.permit({ claims: { executor: 'orchestrator' } }),
    'that has expired': () => interlock.signer.permitFor(web, { now: Date.now() - 60_000 }),
  };
  for (const [which, permit] of Object.entries(attacks)) {
    test(`does nothing for a permit ${which}, and does not even ask`, async () => {
      await interlock.queue(permit(), runQueues.orchestrator);
      await interlock.queue(interlock.signer.permitFor(mcp));
      await until('the report of the next', () => interlock.reports.length === 1);
      assert.deepEqual([interlock.claims.length, resolved], [1, 0]);
    });
  }

  test('does nothing for a permit that was used already', async () => {
    const permit = interlock.signer.permitFor(web);
    await interlock.queue(permit);
    await until('the report', () => interlock.reports.length === 1);
    interlock.answers.claim = async () => {
      throw new ServiceError('permit_claimed', 'The permit was used already.');
    };
    await interlock.queue(permit);
    await until('the claim', () => interlock.claims.length === 2);
    await sleep(20);
    assert.deepEqual([resolved, interlock.reports.length], [1, 1]);
  });
});
