import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle } from '@megabot/bus/port.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import { bridgeChatOf, bridgeUnsent } from '@megabot/contracts/endpoints/bridge.ts';
import { approvalsList } from '@megabot/contracts/endpoints/interlock.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { makeApproval } from '../../testing/fake-services.ts';
import type { Answer } from '../openclaw/outbound.ts';
import { createAnnouncer } from './announcer.ts';

const address = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' } as const;
const bridge = 'bridge:telegram:default:1001';

/** An announcer between stores that count how often they are asked. It looks when it is told to, and by itself only once in a while. */
async function startAnnouncer() {
  const logger = silentLogger();
  const hub = createInProcessHub();
  const calls = { list: 0, chatOf: 0, unsent: 0, send: 0 };
  const pending: Approval[] = [];
  const answers: { turnId: string; text: string }[] = [];
  /** By id, as the store keeps them: one id is one answer for ever. */
  const outbox = new Map<string, Answer>();
  let failing = 0;
  await hub.bus('interlock', { logger }).serve([
    handle(approvalsList, async () => {
      calls.list += 1;
      return { approvals: [...pending] };
    }),
  ]);
  await hub.bus('memory', { logger }).serve([
    handle(bridgeChatOf, async ({ conversation }) => {
      calls.chatOf += 1;
      return { chat: conversation === 'elsewhere' ? null : { conversation, chatKey: 'k', address, sessionKey: 's' } };
    }),
    handle(bridgeUnsent, async () => {
      calls.unsent += 1;
      return { answers: answers.filter(({ turnId }) => !outbox.has(`turn-${turnId}`)).map((answer) => ({ ...answer, chat: { conversation: 'c', chatKey: 'k', address, sessionKey: 's' } })) };
    }),
  ]);
  const rules = { read: async () => ({ localOnly: true, platform: () => undefined }), invalidate: () => {} };
  const life = (everyMs = 3_600_000) =>
    createAnnouncer({
      bus: hub.bus('gateway', { logger }), bridge: 'openclaw', rules, uiOrigin: 'http://localhost:5173', logger, everyMs,
      send: async (answer) => {
        calls.send += 1;
        if (failing-- > 0) throw new Error('not stored');
        if (!outbox.has(answer.id)) outbox.set(answer.id, answer);
      },
    });
  return {
    calls, pending, answers, outbox, life,
    fail: (times: number): void => void (failing = times),
    async [Symbol.asyncDispose]() {
      await hub.close();
    },
  };
}

/** Waits until nothing is asked any more. */
async function settled(calls: object): Promise<void> {
  for (let before = ''; before !== JSON.stringify(calls); await sleep(30)) before = JSON.stringify(calls);
}

test('what was announced is not looked up again, however often it looks', async () => {
  await using it = await startAnnouncer();
  for (let n = 0; n < 20; n++) it.pending.push(makeApproval({ id: `approval${n}`, requestedBy: bridge, conversation: n % 4 === 0 ? 'elsewhere' : 'c' }), makeApproval({ id: `mine${n}`, requestedBy: 'owner' }));
  const announcer = it.life();
  announcer.approvals();
  await settled(it.calls);
  assert.deepEqual([it.calls, it.outbox.size], [{ list: 1, chatOf: 20, unsent: 0, send: 15 }, 15]);
  for (let n = 0; n < 10; n++) {
    announcer.approvals();
    await settled(it.calls);
  }
  assert.deepEqual(it.calls, { list: 11, chatOf: 20, unsent: 0, send: 15 }, 'one question a look, whatever waits');
  it.pending.push(makeApproval({ id: 'another', requestedBy: bridge }));
  announcer.approvals();
  await settled(it.calls);
  assert.deepEqual([it.calls.chatOf, it.calls.send, it.outbox.has('approval-another')], [21, 16, true]);
  await announcer.stop();
});

test('an answer asks after answers alone, and an approval after approvals', async () => {
  await using it = await startAnnouncer();
  const announcer = it.life();
  it.answers.push({ turnId: 't1', text: 'hello' });
  announcer.answers();
  await settled(it.calls);
  assert.deepEqual([it.calls.list, it.calls.chatOf, it.outbox.get('turn-t1')?.text], [0, 0, 'hello']);
  const { unsent } = it.calls;
  announcer.approvals();
  await settled(it.calls);
  assert.deepEqual([it.calls.list, it.calls.unsent], [1, unsent]);
  await announcer.stop();
});

test('news that come while it looks are looked at once afterwards', async () => {
  await using it = await startAnnouncer();
  const announcer = it.life();
  for (let n = 0; n < 50; n++) announcer.approvals();
  await settled(it.calls);
  assert.equal(it.calls.list, 2);
  await announcer.stop();
});

test('an approval that waits when a process starts is announced once, also by the next one', async () => {
  await using it = await startAnnouncer();
  it.pending.push(makeApproval({ id: 'waits', requestedBy: bridge }));
  for (let lives = 0; lives < 3; lives++) {
    const announcer = it.life();
    announcer.approvals();
    await settled(it.calls);
    await announcer.stop();
  }
  assert.deepEqual([...it.outbox.keys()], ['approval-waits']);
});

test('what could not be handed over is tried again, by itself, and hides nothing for good', async () => {
  await using it = await startAnnouncer();
  it.pending.push(makeApproval({ id: 'first', requestedBy: bridge }), makeApproval({ id: 'second', requestedBy: bridge }));
  it.fail(2);
  const announcer = it.life(20);
  for (let waited = 0; it.outbox.size < 2 && waited < 5_000; waited += 20) await sleep(20);
  assert.deepEqual([...it.outbox.keys()], ['approval-first', 'approval-second']);
  await announcer.stop();
});
