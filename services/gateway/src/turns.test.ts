import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle, type Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import type { Turn } from '@megabot/contracts/conversation.ts';
import { isServiceError, ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { cancelTurn } from './turns.ts';

const owner = { principal: 'owner', trust: 'owner', channel: 'native' } as const;

/** A store and a judge that write down what they were asked; `cancelAtStore` is the store's answer. */
async function withServices(cancelAtStore: () => void, stopped: readonly number[], work: (bus: Bus, calls: string[]) => Promise<void>): Promise<void> {
  const hub = createInProcessHub();
  const calls: string[] = [];
  const rounds = [...stopped];
  const turn: Turn = { id: newId(), conversation: newId(), messageId: newId(), kind: 'chat', status: 'cancelled', attempt: 1, createdAt: 1, updatedAt: 2 };
  await hub.bus('memory', { logger: silentLogger() }).serve([handle(memory.turnCancel, async () => {
    calls.push('turn');
    cancelAtStore();
    return await Promise.resolve({ turn });
  })]);
  await hub.bus('interlock', { logger: silentLogger() }).serve([handle(interlock.cancelTurn, async () => {
    calls.push('actions');
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
