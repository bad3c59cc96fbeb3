import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { owner, startInterlock } from './testing/harness.ts';
import { chat, device, refusedFor, sender, telegram, type Running } from './testing/messenger.ts';

const guest = sender('1003');
const cancel = (it: Running, turnId: string, actor: Actor, conversation?: string) =>
  it.call(it.gateway, interlock.cancelTurn, { turnId, actor, ...(conversation === undefined ? {} : { conversation }) });
const asked = async (it: Running, conversation: string) => await it.ask('make', { conversation, principal: guest.principal, trust: 'untrusted' });

describe('stopping a turn', () => {
  for (const actor of [owner, device, { ...device, principal: 'device:desk' }]) {
    test(`${actor.principal} may, in any conversation`, async () => {
      await using it = await startInterlock({ settings: 'admins: ["device:desk"]\n' });
      assert.deepEqual(await cancel(it, (await it.ask('make')).turnId, actor), { approvals: 1, runs: 0 });
    });
  }

  test('somebody behind a messenger may in their own conversation, also what has proposed nothing so far', async () => {
    await using it = await startInterlock({ settings: telegram });
    assert.deepEqual(await cancel(it, (await asked(it, chat)).turnId, guest, chat), { approvals: 1, runs: 0 });
    const silent = newId();
    assert.deepEqual(await cancel(it, silent, guest, chat), { approvals: 0, runs: 0 });
    assert.equal((await it.submit('make', { turnId: silent, conversation: chat })).decision, 'deny');
  });

  const attempts: readonly (readonly [string, string, Actor, string | undefined])[] = [
    ['somebody behind a messenger, of another conversation', 'other_conversation', sender('1003', { conversation: 'elsewhere' }), 'elsewhere'],
    ['somebody behind a messenger, whatever the gateway says of the turn', 'other_conversation', guest, chat],
    ['an admin of a messenger', 'other_conversation', sender('1001'), undefined],
    ['somebody who wrote nowhere', 'other_conversation', { principal: guest.principal, trust: 'untrusted', channel: 'bridge' }, undefined],
    ['the owner, as a messenger says', 'cancel_turn', { ...owner, channel: 'bridge' }, undefined],
    ['a messenger that calls itself the owner', 'cancel_turn', sender('1003', { trust: 'owner' }), chat],
    ['a device that is not paired', 'cancel_turn', { ...device, trust: 'untrusted' }, undefined],
  ];
  for (const [who, why, actor, conversation] of attempts) {
    test(`${who}: refused and audited, and the turn goes on`, async () => {
      await using it = await startInterlock({ settings: telegram });
      const { turnId, approvalId } = await it.ask('make', { conversation: 'of-the-owner' });
      await assert.rejects(cancel(it, turnId, actor, conversation), refusedFor(why));
      const last = (await it.audit()).at(-1);
      assert.deepEqual([last?.event, last?.verdict, last?.principal, last?.subject], ['cancel_refused', 'not_entitled', actor.principal, { turnId, why }]);
      assert.equal((await it.call(it.gateway, interlock.approvalsGet, { approvalId })).status, 'pending');
      assert.equal((await it.submit('make again', { turnId, key: `${turnId}:1:0`, conversation: 'of-the-owner' })).decision, 'ask');
    });
  }

  test('somebody behind a messenger cannot stop in advance a turn of which nothing is known', async () => {
    await using it = await startInterlock({ settings: telegram });
    const turnId = newId();
    for (const conversation of [undefined, 'of-the-owner']) await assert.rejects(cancel(it, turnId, guest, conversation), refusedFor('other_conversation'));
    assert.equal((await it.submit('make', { turnId, conversation: 'of-the-owner' })).decision, 'ask');
  });
});
