import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { PermanentError, sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { Database } from './database.ts';
import { addToOutbox, outboxTableSql, type OutboxEntry } from './outbox.ts';
import { createOutboxPump, type OutboxPump } from './outbox-pump.ts';

/** What the outbox promises on any database. */
export function outboxSuite(name: string, open: () => Promise<Database>): void {
  describe(`the outbox on ${name}`, () => {
    let db: Database;
    const pumps: OutboxPump[] = [];
    before(async () => {
      db = await open();
    });
    after(async () => await db[Symbol.asyncDispose]());
    beforeEach(async () => {
      await db.query(`DROP SCHEMA IF EXISTS box CASCADE; CREATE SCHEMA box; ${outboxTableSql('box')}`);
    });
    afterEach(async () => {
      await Promise.all(pumps.splice(0).map(async (pump) => await pump.close()));
    });

    /** A pump whose publisher keeps what it was given, after `interfere` has had its say. */
    function pumpTo(published: string[], interfere: (entry: OutboxEntry) => Promise<void> | void = () => undefined, batch = 50): OutboxPump {
      const pump = createOutboxPump({
        db,
        schema: 'box',
        batch,
        logger: silentLogger(),
        retry: { minMs: 5, maxMs: 20 },
        async publish(entry) {
          await interfere(entry);
          published.push(entry.messageId);
        },
      });
      pumps.push(pump);
      return pump;
    }
    async function add(...messageIds: string[]): Promise<OutboxEntry[]> {
      return await db.transaction(async (sql) => {
        const entries: OutboxEntry[] = [];
        for (const messageId of messageIds) {
          const entry = await addToOutbox(sql, 'box', { messageId, key: messageId.slice(0, 1), payload: { words: messageId }, trace: { traceparent: '00-x' } });
          if (entry) entries.push(entry);
        }
        return entries;
      });
    }
    const unsent = async () =>
      (await db.query<{ message_id: string }>('SELECT message_id FROM box.outbox WHERE sent_at IS NULL ORDER BY id')).map((row) => row.message_id);
    const lapse = async () => {
      await db.query("UPDATE box.outbox SET leased_until = now() - interval '1 second'");
    };
    const until = async (condition: () => boolean) => {
      const deadline = Date.now() + 10_000;
      while (!condition()) {
        assert.ok(Date.now() < deadline, 'waited ten seconds in vain');
        await sleep(5);
      }
    };

    it('forgets a message whose transaction is rolled back', async () => {
      const work = db.transaction(async (sql) => {
        await addToOutbox(sql, 'box', { messageId: 'a1', key: 'a', payload: 1 });
        throw new Error('no');
      });
      await assert.rejects(work);
      assert.deepEqual(await unsent(), []);
    });

    it('records a message id once', async () => {
      assert.equal((await add('a1')).length, 1);
      assert.equal((await add('a1')).length, 0);
      assert.deepEqual(await unsent(), ['a1']);
    });

    it('publishes what it is handed, then marks it and forgets what it said', async () => {
      const published: string[] = [];
      const pump = pumpTo(published);
      await pump.kick(await add('a1', 'a2'));
      assert.deepEqual(published, ['a1', 'a2']);
      await pump.close();
      assert.deepEqual(await unsent(), []);
      assert.deepEqual(await db.query('SELECT payload, trace FROM box.outbox'), [{ payload: null, trace: null }, { payload: null, trace: null }]);
    });

    it('publishes what it is handed without asking the database', async () => {
      const published: string[] = [];
      const pump = pumpTo(published);
      const entries = await add('a1');
      const release = Promise.withResolvers<void>();
      const busy = db.kind === 'pglite' ? db.transaction(async () => await release.promise) : release.promise;
      await pump.kick(entries);
      assert.deepEqual(published, ['a1']);
      release.resolve();
      await busy;
    });

    it('publishes once what is handed over and drained at the same time, marked or not', async () => {
      const published: string[] = [];
      const pump = pumpTo(published);
      const entries = await add('a1', 'b1', 'a2');
      await lapse();
      await Promise.all([pump.kick(entries), pump.drain(), pump.kick(entries), pump.drain()]);
      await lapse();
      await pump.drain();
      assert.deepEqual(published.toSorted(), ['a1', 'a2', 'b1']);
    });

    it('gives the publisher the payload and the trace, from memory and from the table alike', async () => {
      const seen: OutboxEntry[] = [];
      const pump = pumpTo([], (entry) => void seen.push(entry));
      await pump.kick(await add('a1'));
      await add('a2');
      await lapse();
      await pump.drain();
      assert.deepEqual(
        seen.map(({ key, payload, trace }) => ({ key, payload, trace })),
        ['a1', 'a2'].map((words) => ({ key: 'a', payload: { words }, trace: { traceparent: '00-x' } })),
      );
    });

    it('leaves a fresh row to the process that wrote it, and takes it over once the lease has run out', async () => {
      const published: string[] = [];
      const other = pumpTo(published);
      await add('a1');
      assert.equal(await other.drain(), 0);
      await lapse();
      assert.equal(await other.drain(), 1);
      assert.deepEqual(published, ['a1']);
    });

    it('drains more than a batch, in the order of the ids', async () => {
      const published: string[] = [];
      const ids = Array.from({ length: 7 }, (_, n) => `a${n}`);
      await add(...ids);
      await lapse();
      assert.equal(await pumpTo(published, undefined, 3).drain(), 7);
      assert.deepEqual(published, ids);
    });

    it('shares the rows between replicas that drain together', async () => {
      const published: string[] = [];
      await add(...Array.from({ length: 20 }, (_, n) => `${n % 5}-${n}`));
      await lapse();
      const pumped = await Promise.all([1, 2, 3].map(async () => await pumpTo(published, undefined, 4).drain()));
      // A replica passes over rows that another has locked, so one of them may finish before all is done; none is done twice.
      assert.equal(new Set(published).size, published.length);
      assert.equal(pumped.reduce((sum, n) => sum + n, 0), published.length);
    });

    it('tries a failed one again by itself, and lets nothing younger of its key overtake it', async () => {
      const published: string[] = [];
      let refusals = 3;
      const pump = pumpTo(published, (entry) => {
        if (entry.messageId === 'a1' && refusals-- > 0) throw new Error('bus away');
      });
      await pump.kick(await add('a1', 'a2', 'b1'));
      assert.deepEqual(published, ['b1']);
      await pump.kick(await add('a3'));
      await until(() => published.length === 4);
      assert.deepEqual(published, ['b1', 'a1', 'a2', 'a3']);
      await pump.kick(await add('a4'));
      assert.equal(published.at(-1), 'a4');
      await pump.close();
      assert.deepEqual(await unsent(), []);
    });

    it('sets aside what can never be published, and goes on with the rest', async () => {
      const published: string[] = [];
      const pump = pumpTo(published, (entry) => {
        if (entry.messageId === 'a1') throw new PermanentError('too large');
      });
      await pump.kick(await add('a1', 'a2'));
      assert.deepEqual(published, ['a2']);
      await pump.close();
      assert.deepEqual(await unsent(), ['a1']);
      assert.equal(await pumpTo(published).drain(), 0);
    });

    it('finishes what is under way when closed, and keeps the rest in the table', async () => {
      const published: string[] = [];
      const started = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const pump = pumpTo(published, async () => {
        started.resolve();
        await go.promise;
      });
      const kicked = pump.kick(await add('a1', 'a2'));
      await started.promise;
      const closing = pump.close();
      go.resolve();
      await Promise.all([closing, kicked]);
      assert.deepEqual(published, ['a1']);
      assert.deepEqual(await unsent(), ['a2']);
    });

    it('repairs after a crash: what was committed and never handed over is published by the next process', async () => {
      const published: string[] = [];
      await add('a1');
      await db.query("UPDATE box.outbox SET leased_until = now() + interval '80 milliseconds'");
      await pumpTo(published).drain();
      await until(() => published.length === 1);
    });

    it('drops published rows after a while', async () => {
      const pump = pumpTo([]);
      await pump.kick(await add('a1'));
      await pump.close();
      await db.query("UPDATE box.outbox SET sent_at = now() - interval '2 hours'");
      await pumpTo([]).drain();
      assert.deepEqual(await db.query('SELECT * FROM box.outbox'), []);
    });
  });
}
