import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle, type Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import type { Turn } from '@megabot/contracts/conversation.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { isServiceError, ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { cancelTurn } from './turns.ts';

type Request = z.infer<(typeof interlock.cancelTurn)['request']>;

const owner: Actor = { principal: 'owner', trust: 'owner', channel: 'native' };
const chat = 'chat-of-1001';
const guest: Actor = { principal: 'bridge:telegram:default:1001', trust: 'untrusted', channel: 'bridge', conversation: chat };

/** A store and a judge that write down what they were asked; `cancelAtStore` is the store's answer, and `judge` may refuse. */
async function withServices(cancelAtStore: () => void, stopped: readonly number[], work: (bus: Bus, calls: string[]) => Promise<void>, judge: (request: Request) => void = () => undefined): Promise<void> {
  const hub = createInProcessHub();
  const calls: string[] = [];
  const rounds = [...stopped];
  const turn: Turn = { id: newId(), conversation: chat, messageId: newId(), kind: 'chat', status: 'cancelled', attempt: 1, createdAt: 1, updatedAt: 2 };
  await hub.bus('memory', { logger: silentLogger() }).serve([handle(memory.turnCancel, async () => {
    calls.push('turn');
    cancelAtStore();
    return await Promise.resolve({ turn });
  }), handle(memory.turnGet, async () => await Promise.resolve({ turn, answer: null }))]);
  await hub.bus('interlock', { logger: silentLogger() }).serve([handle(interlock.cancelTurn, async (request) => {
    calls.push('actions');
    judge(request);
    return await Promise.resolve({ approvals: rounds.shift() ?? 0, runs: 0 });
  })]);
  try {
    await work(hub.bus('gateway', { logger: silentLogger() }), calls);
  } finally {
    await hub.close();
  }
}

test('nothing of a turn can be approved any more once it has ended, and what it proposed last is stopped too', async () => {
  await withServices(() => undefined, [1, 1], async (bus, calls) => {
    const turnId = newId();
    assert.deepEqual(await cancelTurn(bus, turnId, owner), { turnId, approvals: 2, runs: 0 });
    assert.deepEqual(calls, ['actions', 'turn', 'actions']);
  });
});

test('a turn that only the interlock knows is stopped there', async () => {
  const unknown = (): void => {
    throw new ServiceError('turn_unknown', 'no such turn');
  };
  await withServices(unknown, [2, 0], async (bus) => {
    const turnId = newId();
    assert.deepEqual(await cancelTurn(bus, turnId, owner), { turnId, approvals: 2, runs: 0 });
  });
  await withServices(unknown, [0, 0], async (bus) => {
    await assert.rejects(cancelTurn(bus, newId(), owner), (error) => isServiceError(error, 'turn_unknown'));
  });
});

const refuse = (code: 'not_entitled' | 'unavailable') => (): void => {
  throw new ServiceError(code, 'no');
};
for (const actor of [guest, owner]) {
  test(`a turn that the interlock does not let ${actor.principal} stop goes on`, async () => {
    await withServices(() => undefined, [], async (bus, calls) => {
      await assert.rejects(cancelTurn(bus, newId(), actor), (error) => isServiceError(error, 'not_entitled'));
      assert.deepEqual(calls, ['actions']);
    }, refuse('not_entitled'));
  });
}

test('while the interlock cannot be asked, the turn of somebody behind a messenger goes on, and that of the owner ends', async () => {
  for (const [actor, asked] of [[guest, ['actions']], [{ ...owner, channel: 'bridge' }, ['actions']], [owner, ['actions', 'turn', 'actions']]] as const) {
    await withServices(() => undefined, [], async (bus, calls) => {
      await assert.rejects(cancelTurn(bus, newId(), actor), (error) => isServiceError(error, 'unavailable'));
      assert.deepEqual(calls, asked);
    }, refuse('unavailable'));
  }
});

test('the interlock hears from the store what conversation a turn belongs to that somebody behind a messenger stops', async () => {
  const heard: (string | undefined)[] = [];
  await withServices(() => undefined, [0, 0], async (bus) => {
    await cancelTurn(bus, newId(), { ...guest, conversation: 'elsewhere' });
    assert.deepEqual(heard, [chat, chat]);
  }, ({ conversation }) => void heard.push(conversation));
});
