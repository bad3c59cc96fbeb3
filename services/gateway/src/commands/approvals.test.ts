import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle } from '@megabot/bus/port.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import { approvalsList } from '@megabot/contracts/endpoints/interlock.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { GatewayEvents } from '../events.ts';
import { makeApproval } from '../testing/fake-services.ts';
import { createApprovalCommands } from './approvals.ts';

const guest = 'bridge:telegram:default:1001';

async function listed(approval: Approval): Promise<string> {
  const logger = silentLogger();
  const hub = createInProcessHub();
  await hub.bus('interlock', { logger }).serve([handle(approvalsList, async () => ({ approvals: [approval] }))]);
  try {
    return await createApprovalCommands(hub.bus('gateway', { logger }), {} as GatewayEvents).pending({ principal: guest, trust: 'untrusted', channel: 'bridge', conversation: 'c1' });
  } finally {
    await hub.close();
  }
}

test('in a list, too, a long command shows its end, and what goes with it is said', async () => {
  const text = await listed(makeApproval({ requestedBy: guest, command: `echo ${'x'.repeat(2_000)}; rm -rf build`, stdin: 'anything', network: { hosts: ['evil.example'] } }));
  assert.match(text, /`echo x+ … x+; rm -rf build`/);
  assert.match(text, /with standard input/);
  assert.match(text, /evil\.example/);
  assert.doesNotMatch(await listed(makeApproval({ requestedBy: guest, command: 'ls' })), /standard input|…|network/);
});

test('what the owner asked in the conversation of a chat is not told to that chat', async () => {
  assert.match(await listed(makeApproval({ requestedBy: 'owner', command: 'cat diary.txt' })), /^Nothing waits/);
});
