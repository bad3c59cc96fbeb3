import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { messagesList, turnCancel, conversationsCreate, conversationsUpdate } from '@megabot/contracts/endpoints/memory.ts';
import type { ErrorCode } from '@megabot/contracts/errors.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { startMemory, until, type Harness } from './testing/harness.ts';

const withCode = (code: ErrorCode) => (error: unknown) => isServiceError(error, code);

describe('turns', () => {
  let m: Harness;
  const open: Harness[] = [];
  beforeEach(async () => {
    m = await startMemory();
    open.push(m);
  });
  afterEach(async () => await m.close());
  after(() => assert.ok(open.length > 0));
  const queuedTimes = (turnId: string): number => m.queued.filter((id) => id === turnId).length;
  const untilQueued = async (turnId: string, times = 1) => await until(() => queuedTimes(turnId) >= times, `turn on the queue ${times} times`);
  /** A turn that has begun. */
  const begin = async (text = 'hello') => {
    const { turnId } = await m.send(text);
    const { lease } = await m.claim(turnId);
    return { turnId, lease };
  };

  describe('a message', () => {
    it('is stored with its turn and put on the queue', async () => {
      const sent = await m.send('hello');
      assert.equal(sent.duplicate, false);
      await untilQueued(sent.turnId);
      const { turn, answer } = await m.turn(sent.turnId);
      assert.equal(turn.status, 'queued');
      assert.equal(turn.kind, 'chat');
      assert.equal(answer, null);
    });

    it('of a guest is put on a queue of its own, also when its turn is woken', async () => {
      const { id: conversation } = await m.gateway.call(conversationsCreate, {});
      const { turnId } = await m.send('hello', { conversation, guest: 'bridge:telegram:default:1001' });
      await until(() => m.guestsQueued.length === 1, 'the turn on the queue');
      const { lease } = await m.claim(turnId);
      await m.checkpoint(turnId, lease, 'waiting');
      await m.settle(turnId, 0, conversation);
      await until(() => m.guestsQueued.length === 2, 'the turn on the queue again');
      assert.deepEqual(m.guestsQueued, [turnId, turnId]);
      assert.deepEqual(m.queued, []);
    });

    it('sent twice under one key has the first ids, and one turn', async () => {
      const first = await m.send('hello', { messageKey: 'k' });
      const again = await m.send('hello', { messageKey: 'k' });
      assert.deepEqual(again, { ...first, duplicate: true });
      const { messages } = await m.gateway.call(messagesList, { conversation: 'default' });
      assert.equal(messages.length, 1);
    });

    it('sent many times at once under one key is stored once', async () => {
      const results = await Promise.all(Array.from({ length: 6 }, async () => await m.send('hello', { messageKey: 'k' })));
      assert.equal(new Set(results.map((result) => result.turnId)).size, 1);
      assert.equal(results.filter((result) => !result.duplicate).length, 1);
    });

    it('with the key of another text is a conflict', async () => {
      await m.send('hello', { messageKey: 'k' });
      await assert.rejects(m.send('other', { messageKey: 'k' }), withCode('conflict'));
    });

    it('with the turn id of another message is a conflict, and is not stored', async () => {
      const { turnId } = await m.send('hello');
      await assert.rejects(m.send('other', { turnId }), withCode('conflict'));
      const { messages } = await m.gateway.call(messagesList, { conversation: 'default' });
      assert.equal(messages.length, 1);
    });

    it('to an unknown conversation is refused', async () => {
      await assert.rejects(m.send('hello', { conversation: 'nowhere' }), withCode('not_found'));
    });

    it('with a reply is done at once, answered and announced, and never reaches the orchestrator', async () => {
      const { turnId } = await m.send('!help', { reply: 'Commands: …' });
      await until(() => m.finals.some((final) => final.turnId === turnId), 'final');
      const { turn, answer } = await m.turn(turnId);
      assert.equal(turn.kind, 'command');
      assert.equal(turn.status, 'done');
      assert.equal(answer?.text, 'Commands: …');
      await assert.rejects(m.claim(turnId), withCode('turn_ended'));
      assert.equal(queuedTimes(turnId), 0);
    });

    it('with a command makes a run turn that carries it', async () => {
      const { turnId } = await m.send('!run ls', { command: 'ls' });
      const { turn } = await m.claim(turnId);
      assert.equal(turn.kind, 'run');
      assert.equal(turn.command, 'ls');
    });
  });

  describe('a claim', () => {
    it('gives the turn to one of many replicas', async () => {
      const { turnId } = await m.send('hello');
      const results = await Promise.allSettled(Array.from({ length: 6 }, async (_, n) => await m.claim(turnId, `replica-${n}`)));
      assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
      for (const result of results) if (result.status === 'rejected') assert.ok(isServiceError(result.reason, 'turn_busy'));
    });

    it('carries mode, ticket, checkpoint and a higher attempt each time', async () => {
      const { id } = await m.gateway.call(conversationsCreate, {});
      await m.gateway.call(conversationsUpdate, { id, mode: 'build' });
      const { turnId } = await m.send('hello', { conversation: id });
      const first = await m.claim(turnId);
      assert.equal(first.turn.mode, 'build');
      assert.equal(first.turn.attempt, 1);
      assert.equal(first.turn.checkpoint, null);
      assert.equal(first.turn.ticket.claims.turnId, turnId);
      await m.checkpoint(turnId, first.lease, 'running', { step: 1 });
      m.advance(16_000);
      const second = await m.claim(turnId, 'replica-2');
      assert.equal(second.turn.attempt, 2);
      assert.deepEqual(second.turn.checkpoint, { step: 1 });
    });

    it('of an unknown turn is refused', async () => {
      await assert.rejects(m.claim('nothing'), withCode('turn_unknown'));
    });

    it('waits for the earlier turns of the conversation, and is offered again when they end or wait', async () => {
      const first = await begin('one');
      const second = await m.send('two');
      const third = await m.send('three');
      await untilQueued(third.turnId);
      await assert.rejects(m.claim(second.turnId), withCode('turn_busy'));
      await m.finish(first.turnId, first.lease, 'answer one');
      await untilQueued(second.turnId, 2);
      await assert.rejects(m.claim(third.turnId), withCode('turn_busy'));
      const { lease } = await m.claim(second.turnId);
      await m.checkpoint(second.turnId, lease, 'waiting');
      await untilQueued(third.turnId, 2);
      await m.claim(third.turnId);
    });

    it('is not held up by another conversation', async () => {
      await begin('one');
      const { id } = await m.gateway.call(conversationsCreate, {});
      const { turnId } = await m.send('two', { conversation: id });
      await m.claim(turnId);
    });

    it('shows each answer after its own message, whatever came between, and no control commands', async () => {
      const first = await begin('one');
      const second = await m.send('two');
      await m.send('!mode', { reply: 'ask' });
      await m.finish(first.turnId, first.lease, 'answer one');
      const { history } = await m.claim(second.turnId);
      assert.deepEqual(history.map((message) => message.text), ['one', 'answer one', 'two']);
    });

    it('shows the forty newest messages', async () => {
      for (let n = 0; n < 25; n += 1) {
        const { turnId, lease } = await begin(`q${n}`);
        await m.finish(turnId, lease, `a${n}`);
      }
      const { turnId } = await m.send('last');
      const { history } = await m.claim(turnId);
      assert.equal(history.length, 40);
      assert.equal(history.at(-1)?.text, 'last');
      assert.equal(history.at(-2)?.text, 'a24');
    });
  });

  describe('a lease', () => {
    it('that is kept alive is not taken over', async () => {
      const { turnId, lease } = await begin();
      for (let n = 0; n < 5; n += 1) {
        m.advance(10_000);
        await m.heartbeat(turnId, lease);
        await m.sweep();
      }
      await m.finish(turnId, lease, 'done');
      assert.equal(queuedTimes(turnId), 1);
    });

    it('that lapses puts the turn back on the queue; the silent worker has lost it', async () => {
      const { turnId, lease } = await begin();
      m.advance(15_000);
      await m.sweep();
      await untilQueued(turnId, 2);
      const second = await m.claim(turnId, 'replica-2');
      assert.equal(second.turn.attempt, 2);
      await assert.rejects(m.heartbeat(turnId, lease), withCode('lease_lost'));
      await assert.rejects(m.checkpoint(turnId, lease, 'running'), withCode('lease_lost'));
      await assert.rejects(m.checkpoint(turnId, lease, 'waiting'), withCode('lease_lost'));
      await assert.rejects(m.finish(turnId, lease, 'late'), withCode('lease_lost'));
      await m.finish(turnId, second.lease, 'in time');
      assert.equal((await m.turn(turnId)).answer?.text, 'in time');
    });

    it('that lapses again and again ends the turn with an explanation', async () => {
      const { turnId } = await begin();
      for (let n = 0; n < 4; n += 1) {
        m.advance(15_000);
        await m.sweep();
        await m.claim(turnId);
      }
      m.advance(15_000);
      await m.sweep();
      const { turn, answer } = await m.turn(turnId);
      assert.equal(turn.status, 'failed');
      assert.match(answer?.text ?? '', /interrupted several times/);
    });
  });

  describe('a waiting turn', () => {
    it('goes on when an action has its outcome, from its checkpoint', async () => {
      const { turnId, lease } = await begin();
      await m.checkpoint(turnId, lease, 'waiting', { step: 3 });
      assert.equal((await m.turn(turnId)).turn.status, 'waiting');
      await assert.rejects(m.claim(turnId), withCode('turn_busy'));
      await m.settle(turnId);
      await untilQueued(turnId, 2);
      assert.deepEqual((await m.claim(turnId)).turn.checkpoint, { step: 3 });
    });

    it('whose outcome came before it waited goes on at once', async () => {
      const { turnId, lease } = await begin();
      await m.settle(turnId);
      await until(async () => (await m.db.query<{ wake: boolean }>('SELECT wake FROM memory.turns WHERE id = $1', [turnId]))[0]?.wake === true, 'wake');
      await m.checkpoint(turnId, lease, 'waiting', { step: 1 });
      await untilQueued(turnId, 2);
      assert.equal((await m.turn(turnId)).turn.status, 'queued');
    });

    it('is woken once by many outcomes, and by none after its end', async () => {
      const { turnId, lease } = await begin();
      await m.checkpoint(turnId, lease, 'waiting');
      await Promise.all([0, 1, 2].map(async (n) => await m.settle(turnId, n)));
      await untilQueued(turnId, 2);
      const second = await m.claim(turnId);
      await m.finish(turnId, second.lease, 'done');
      await m.settle(turnId);
      await m.settle('unknown-turn');
      assert.equal((await m.turn(turnId)).turn.status, 'done');
      assert.equal(queuedTimes(turnId), 2);
    });

    it('is woken every minute to ask for itself, should the event be lost', async () => {
      const { turnId, lease } = await begin();
      await m.checkpoint(turnId, lease, 'waiting');
      m.advance(59_000);
      await m.sweep();
      assert.equal((await m.turn(turnId)).turn.status, 'waiting');
      m.advance(1_000);
      await m.sweep();
      await untilQueued(turnId, 2);
    });
  });

  describe('an end', () => {
    it('stores the answer, announces it once, and is the same when repeated', async () => {
      const { turnId, lease } = await begin();
      const first = await m.finish(turnId, lease, 'the answer');
      assert.deepEqual(await m.finish(turnId, lease, 'the answer'), first);
      await until(() => m.finals.length > 0, 'final');
      assert.deepEqual(m.finals, [{ conversation: 'default', turnId, messageId: first.messageId, text: 'the answer', status: 'done' }]);
      const { answer } = await m.turn(turnId);
      assert.equal(answer?.id, first.messageId);
    });

    it('by cancelling stops the worker, tells the person, and lets the next turn go', async () => {
      const { turnId, lease } = await begin();
      const next = await m.send('next');
      await untilQueued(next.turnId);
      const { turn } = await m.gateway.call(turnCancel, { turnId });
      assert.equal(turn.status, 'cancelled');
      await assert.rejects(m.heartbeat(turnId, lease), withCode('lease_lost'));
      await assert.rejects(m.finish(turnId, lease, 'late'), withCode('lease_lost'));
      await until(() => m.finals.some((final) => final.status === 'cancelled' && final.text === 'Cancelled.'), 'final');
      await untilQueued(next.turnId, 2);
      await assert.rejects(m.gateway.call(turnCancel, { turnId }), withCode('turn_ended'));
    });

    it('of an unknown turn is refused', async () => {
      await assert.rejects(m.gateway.call(turnCancel, { turnId: 'nothing' }), withCode('turn_unknown'));
    });
  });

  describe('what a crash leaves behind', () => {
    it('a queued turn that nobody claims is put on the queue again', async () => {
      const { turnId } = await m.send('hello');
      await untilQueued(turnId);
      m.advance(19_000);
      await m.sweep();
      assert.equal(queuedTimes(turnId), 1);
      m.advance(1_000);
      await m.sweep();
      await untilQueued(turnId, 2);
    });

    it('a restart between any two steps loses nothing', async () => {
      const { turnId } = await m.send('hello', { messageKey: 'k' });
      await m.restart();
      assert.deepEqual((await m.send('hello', { messageKey: 'k' })).turnId, turnId);
      const { lease } = await m.claim(turnId);
      await m.restart();
      await m.heartbeat(turnId, lease);
      await m.checkpoint(turnId, lease, 'waiting', { step: 1 });
      await m.restart();
      await m.settle(turnId);
      await untilQueued(turnId, 2);
      const second = await m.claim(turnId);
      assert.deepEqual(second.turn.checkpoint, { step: 1 });
      await m.restart();
      await m.finish(turnId, second.lease, 'answer');
      await m.restart();
      assert.equal((await m.turn(turnId)).answer?.text, 'answer');
      await until(() => m.finals.length === 1, 'final');
    });

    it('an outcome that comes while memory is away wakes the turn when it is back', async () => {
      const { turnId, lease } = await begin();
      await m.checkpoint(turnId, lease, 'waiting');
      await m.stopMemory();
      await m.settle(turnId);
      await m.restart();
      await untilQueued(turnId, 2);
    });
  });
});
