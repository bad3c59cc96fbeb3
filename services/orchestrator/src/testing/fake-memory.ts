import { handle, type Bus } from '@megabot/bus/port.ts';
import type { ClaimedTurn, Message } from '@megabot/contracts/conversation.ts';
import * as endpoints from '@megabot/contracts/endpoints/memory.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { guestTurns, turns as turnQueue } from '@megabot/contracts/queues.ts';

interface HeldTurn {
  turn: ClaimedTurn;
  status: 'queued' | 'running' | 'waiting' | 'done' | 'failed' | 'cancelled';
  lease: string;
  wake: boolean;
  history: Message[];
  answer: string | undefined;
}

/** Where a simulated crash strikes: in front of a call's effect, or between its effect and its reply. */
export type Fault = (call: string, phase: 'before' | 'after') => boolean;

/**
 * What the orchestrator sees of memory: leases, checkpoints, waking. A fault takes the lease away and queues the turn again, as
 * it is when a replica dies at that point and another takes over.
 */
export async function serveMemory(bus: Bus, fault: { current: Fault }) {
  const turns = new Map<string, HeldTurn>();
  const remembered = new Map<string, string>();
  let memories: { text: string }[] = [];
  let queued = 0;

  const enqueue = async (turnId: string): Promise<void> => await bus.enqueue(get(turnId).turn.trust === 'untrusted' ? guestTurns : turnQueue, { turnId }, `${turnId}:q${(queued += 1)}`);
  const lapse = async (turnId: string): Promise<void> => {
    const held = get(turnId);
    if (held.status !== 'running') return;
    held.status = 'queued';
    held.lease = newId();
    await enqueue(turnId);
  };
  const get = (turnId: string): HeldTurn => {
    const held = turns.get(turnId);
    if (!held) throw new ServiceError('turn_unknown', 'no such turn');
    return held;
  };
  const leased = ({ turnId, lease }: { turnId: string; lease: string }): HeldTurn => {
    const held = get(turnId);
    if (held.status !== 'running' || held.lease !== lease) throw new ServiceError('lease_lost', 'not yours');
    return held;
  };
  async function faulty<T>(name: string, turnId: string, work: () => T | Promise<T>): Promise<T> {
    const strike = async (phase: 'before' | 'after'): Promise<void> => {
      if (!fault.current(name, phase)) return;
      await lapse(turnId);
      throw new ServiceError('lease_lost', 'a simulated crash');
    };
    await strike('before');
    const result = await work();
    await strike('after');
    return result;
  }
  const wake = async (turnId: string): Promise<void> => {
    const held = get(turnId);
    if (held.status === 'running') held.wake = true;
    if (held.status !== 'waiting') return;
    held.status = 'queued';
    await enqueue(turnId);
  };

  await bus.serve([
    handle(endpoints.turnClaim, async ({ turnId }) => {
      const held = get(turnId);
      if (held.status === 'running' || held.status === 'waiting') throw new ServiceError('turn_busy', 'busy');
      if (held.status !== 'queued') throw new ServiceError('turn_ended', 'ended');
      held.status = 'running';
      held.lease = newId();
      held.wake = false;
      held.turn = { ...held.turn, attempt: held.turn.attempt + 1 };
      return { turn: held.turn, history: held.history, lease: held.lease, leaseMs: 15_000 };
    }),
    handle(endpoints.turnHeartbeat, async (request) => {
      leased(request);
      return {};
    }),
    handle(endpoints.turnCheckpoint, async (request) => {
      return await faulty(`checkpoint ${request.state}`, request.turnId, async () => {
        const held = leased(request);
        held.turn = { ...held.turn, checkpoint: request.checkpoint };
        if (request.state === 'waiting') held.status = 'waiting';
        if (request.state === 'waiting' && held.wake) await wake(request.turnId);
        return {};
      });
    }),
    handle(endpoints.turnFinish, async (request) => {
      return await faulty('finish', request.turnId, () => {
        const held = leased(request);
        held.status = request.status;
        held.answer = request.text;
        return { messageId: newId() };
      });
    }),
    handle(endpoints.remember, async ({ items }) => {
      for (const item of items) remembered.set(item.externalId ?? newId(), item.text);
      return { ids: items.map(() => newId()) };
    }),
    handle(endpoints.recall, async () => ({ mode: 'text' as const, items: memories.map(({ text }) => ({ id: newId(), externalId: null, text, score: 1, why: '' })) })),
  ]);

  return {
    remembered,
    faulty,
    wake,
    enqueue,
    knows(...texts: string[]): void {
      memories = texts.map((text) => ({ text }));
    },
    async send(text: string, extra: Partial<Pick<ClaimedTurn, 'kind' | 'mode' | 'trust' | 'command'>> & { history?: [Message['role'], string][] } = {}): Promise<string> {
      const { history = [], ...rest } = extra;
      const id = newId();
      const message = (role: Message['role'], said: string, turnId: string, seq: number): Message => ({ id: newId(), seq, conversation: 'default', turnId, role, text: said, createdAt: 0 });
      const claims = { turnId: id, conversation: 'default', principal: 'owner', trust: rest.trust ?? 'owner', issuedAt: 0 };
      const turn: ClaimedTurn = { id, conversation: 'default', kind: 'chat', attempt: 0, mode: 'ask', principal: 'owner', trust: 'owner', text, ticket: { claims, signature: 's' }, checkpoint: null, ...rest };
      const earlier = history.map(([role, said], index) => message(role, said, `earlier-${index}`, index + 1));
      turns.set(id, { turn: turn, status: 'queued', lease: '', wake: false, history: [...earlier, message('user', text, id, 1_000)], answer: undefined });
      await enqueue(id);
      return id;
    },
    cancel(turnId: string): void {
      Object.assign(get(turnId), { status: 'cancelled', lease: '' });
    },
    state: (turnId: string): HeldTurn => get(turnId),
  };
}

export type FakeMemory = Awaited<ReturnType<typeof serveMemory>>;
