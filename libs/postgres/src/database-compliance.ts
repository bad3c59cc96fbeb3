import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDatabaseError, type Database, type DatabaseErrorCode } from './database.ts';

/**
 * What every implementation of the port promises, as tests. `open` gives a database that the suite closes; the suite keeps
 * to the schema `compliance`, which it makes and drops.
 */
export function databaseCompliance(name: string, open: () => Promise<Database>): void {
  describe(`${name} keeps the promises of a database`, () => {
    let db: Database;
    before(async () => {
      db = await open();
      await db.query('DROP SCHEMA IF EXISTS compliance CASCADE; CREATE SCHEMA compliance');
    });
    after(async () => {
      await db.query('DROP SCHEMA IF EXISTS compliance CASCADE');
      await db[Symbol.asyncDispose]();
    });

    describe('values', () => {
      for (const [sql, expected] of results) {
        it(`reads ${sql} as the same value everywhere`, async () => {
          assert.deepEqual(await db.query(`SELECT ${sql} AS value`), [{ value: expected }]);
        });
      }
      for (const [cast, given, expected] of roundTrips) {
        it(`brings a ${cast} parameter back unchanged (${describeValue(given)})`, async () => {
          assert.deepEqual(await db.query(`SELECT $1::${cast} AS value`, [given]), [{ value: expected ?? given }]);
        });
      }
      it('stores the replacement character for what its text cannot hold: NUL, and half of a surrogate pair', async () => {
        const json = JSON.stringify({ nul: 'x\0y', half: 'x\ud800\udbffy\udc00', whole: '\u{1F600}', text: '\\u0000 \\ud800', 'k\ud800': 1 });
        const rows = await db.query('SELECT $1::text AS text, $2::jsonb AS json, $3::text AS escape, $4::text[] AS list', ['a\0b\ud800', json, '\\u0000', ['\udc00\0']]);
        const stored = { nul: 'x\u{FFFD}y', half: 'x\u{FFFD}\u{FFFD}y\u{FFFD}', whole: '\u{1F600}', text: '\\u0000 \\ud800', 'k\u{FFFD}': 1 };
        assert.deepEqual(rows, [{ text: 'a\u{FFFD}b\u{FFFD}', json: stored, escape: '\\u0000', list: ['\u{FFFD}\u{FFFD}'] }]);
      });
      it('takes undefined as null', async () => {
        assert.deepEqual(await db.query('SELECT $1::text AS value', [undefined]), [{ value: null }]);
      });
      it('infers parameter types from the columns they are for', async () => {
        await db.query('CREATE TABLE compliance.typed (n int, big bigint, flag boolean, body jsonb, bytes bytea, at timestamptz, words text[])');
        const at = new Date('2026-03-01T12:00:00.250Z');
        const rows = await db.query(
          'INSERT INTO compliance.typed VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *',
          [1, 2n, false, '{"a":[1]}', new Uint8Array([1, 0, 255]), at, ['x']],
        );
        assert.deepEqual(rows, [{ n: 1, big: 2, flag: false, body: { a: [1] }, bytes: Buffer.from([1, 0, 255]), at, words: ['x'] }]);
      });
      it('refuses an object parameter instead of guessing how to write it', async () => {
        await rejectsWith(db.query('SELECT $1::jsonb', [{ a: 1 }]), 'invalid');
      });
      it('compares and stores vectors', async () => {
        const rows = await db.query<{ distance: number }>("SELECT $1::vector <=> '[1,0]'::vector AS distance", ['[0,1]']);
        assert.equal(rows[0]?.distance, 1);
      });
    });

    describe('statements', () => {
      it('runs several statements given without parameters and returns the rows of the last', async () => {
        assert.deepEqual(await db.query('SELECT 1 AS a; SELECT 2 AS b'), [{ b: 2 }]);
      });
      it('undoes the earlier of several statements when a later one fails', async () => {
        await db.query('CREATE TABLE compliance.several (n int)');
        await rejectsWith(db.query('INSERT INTO compliance.several VALUES (1); SELECT no_such_column'), 'invalid');
        assert.deepEqual(await db.query('SELECT * FROM compliance.several'), []);
      });
      it('returns no rows for a statement that has none', async () => {
        assert.deepEqual(await db.query('CREATE TABLE compliance.nothing (n int)'), []);
      });
      it('answers a ping', async () => {
        await db.ping();
      });
    });

    describe('errors', () => {
      before(async () => {
        await db.query(`
          CREATE TABLE compliance.parent (id int CONSTRAINT parent_key PRIMARY KEY, n int CONSTRAINT small CHECK (n < 10));
          CREATE TABLE compliance.child (parent int CONSTRAINT child_parent REFERENCES compliance.parent, word text NOT NULL);
          INSERT INTO compliance.parent VALUES (1, 1);
          CREATE ROLE compliance_nobody NOLOGIN`);
      });
      after(async () => {
        await db.query('DROP ROLE compliance_nobody');
      });
      const failures: readonly (readonly [string, readonly unknown[], DatabaseErrorCode, string | undefined])[] = [
        ['INSERT INTO compliance.parent VALUES ($1, 2)', [1], 'unique', 'parent_key'],
        ['INSERT INTO compliance.parent VALUES ($1, 20)', [2], 'check', 'small'],
        ["INSERT INTO compliance.child VALUES ($1, 'x')", [99], 'check', 'child_parent'],
        ['INSERT INTO compliance.child VALUES (1, $1)', [null], 'check', undefined],
        ['SELEKT $1::int', [1], 'invalid', undefined],
        ['SELECT * FROM compliance.absent WHERE a = $1', [1], 'invalid', undefined],
        ['SELECT $1::int', ['four'], 'invalid', undefined],
        ['SELECT $1::jsonb', ['{'], 'invalid', undefined],
      ];
      for (const [sql, parameters, code, constraint] of failures) {
        it(`calls ${sql} with ${describeValue(parameters[0])} ${code}`, async () => {
          const error = await rejectsWith(db.query(sql, parameters), code);
          assert.equal(error.constraint, constraint);
          assert.ok(error.cause instanceof Error);
        });
      }
      it('calls what a role may not do permission', async () => {
        const work = db.transaction(async (sql) => {
          await sql.query('SET LOCAL ROLE compliance_nobody');
          await sql.query('SELECT * FROM compliance.parent');
        });
        await rejectsWith(work, 'permission');
      });
      it('carries neither the statement nor a value, on the error or its cause', async () => {
        const own = (value: unknown) => JSON.stringify(value, Object.getOwnPropertyNames(value));
        const unique = await rejectsWith(db.query('INSERT INTO compliance.parent VALUES (1, $1) -- s3cret', ['7']), 'unique');
        assert.doesNotMatch(own(unique) + own(unique.cause), /s3cret|\(1\)|"7"/);
        const invalid = await rejectsWith(db.query('SELECT $1::int', ['s3cret "quoted" text']), 'invalid');
        assert.doesNotMatch(own(invalid) + own(invalid.cause), /s3cret|quoted|text"/);
      });
      it('is usable after an error', async () => {
        await rejectsWith(db.query('SELECT 1/0'), 'invalid');
        await db.ping();
      });
    });

    describe('transactions', () => {
      before(async () => {
        await db.query('CREATE TABLE compliance.tally (id int PRIMARY KEY, n int NOT NULL); INSERT INTO compliance.tally VALUES (1, 0), (2, 0)');
      });
      const tally = async (id: number) => (await db.query<{ n: number }>('SELECT n FROM compliance.tally WHERE id = $1', [id]))[0]?.n;

      it('commits what the work did and returns what it returned', async () => {
        const value = await db.transaction(async (sql) => {
          await sql.query('INSERT INTO compliance.tally VALUES (10, 5)');
          return 'done';
        });
        assert.equal(value, 'done');
        assert.equal(await tally(10), 5);
      });
      it('rolls back and passes on the error when the work throws', async () => {
        const reason = new Error('changed my mind');
        const work = db.transaction(async (sql) => {
          await sql.query('INSERT INTO compliance.tally VALUES (11, 5)');
          throw reason;
        });
        await assert.rejects(work, reason);
        assert.equal(await tally(11), undefined);
      });
      it('does not pretend to commit after a statement failed, even if the work swallowed the error', async () => {
        const work = db.transaction(async (sql) => {
          await sql.query('INSERT INTO compliance.tally VALUES (12, 5)');
          await sql.query('INSERT INTO compliance.tally VALUES (1, 0)').catch(() => undefined);
        });
        await rejectsWith(work, 'unique');
        assert.equal(await tally(12), undefined);
      });
      it('refuses its handle once it is over', async () => {
        const sql = await db.transaction(async (handle) => handle);
        await rejectsWith(sql.query('SELECT 1'), 'invalid');
      });
      it('refuses the database itself inside the work instead of hanging', async () => {
        await db.transaction(async () => {
          await rejectsWith(db.query('SELECT 1'), 'invalid');
          await rejectsWith(db.ping(), 'invalid');
          await rejectsWith(db.transaction(async () => undefined), 'invalid');
        });
        await db.ping();
      });
      it('keeps its statements apart from queries outside it', async () => {
        let outside: Promise<unknown> = Promise.resolve();
        const entered = Promise.withResolvers<void>();
        const leave = Promise.withResolvers<void>();
        const inside = db.transaction(async (sql) => {
          await sql.query('UPDATE compliance.tally SET n = 7 WHERE id = 2');
          entered.resolve();
          await leave.promise;
          throw new Error('roll back');
        });
        await entered.promise;
        outside = tally(2);
        leave.resolve();
        await assert.rejects(inside, /roll back/);
        assert.equal(await outside, 0);
      });
      it('runs many at once without losing an update', async () => {
        await Promise.all(
          Array.from({ length: 20 }, async () => {
            await db.transaction(async (sql) => {
              await sql.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
              const [row] = await sql.query<{ n: number }>('SELECT n FROM compliance.tally WHERE id = 1');
              await sql.query('UPDATE compliance.tally SET n = $1 WHERE id = 1', [(row?.n ?? 0) + 1]);
            }).catch((error: unknown) => {
              // On a real server so much contention may outlast the retries; then nothing may have been written.
              assert.ok(isDatabaseError(error, 'serialization'));
              lost += 1;
            });
          }),
        );
        assert.equal(await tally(1), 20 - lost);
      });
      let lost = 0;
      it('runs the work again after a serialization failure', async () => {
        let runs = 0;
        await db.transaction(async (sql) => {
          runs += 1;
          await sql.query('UPDATE compliance.tally SET n = n + 100 WHERE id = 2');
          if (runs < 3) await sql.query("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$");
        });
        assert.equal(runs, 3);
        assert.equal(await tally(2), 100);
      });
      it('gives up on a conflict that does not go away, and says which kind it was', async () => {
        const work = db.transaction(async (sql) => {
          await sql.query("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40P01'; END $$");
        });
        await rejectsWith(work, 'serialization');
      });
      it('lets statements of one transaction be issued together', async () => {
        const values = await db.transaction(
          async (sql) => await Promise.all([1, 2, 3].map(async (n) => (await sql.query('SELECT $1::int AS n', [n]))[0])),
        );
        assert.deepEqual(values, [{ n: 1 }, { n: 2 }, { n: 3 }]);
      });
    });

    it('refuses everything once closed', async () => {
      const closed = await open();
      await closed[Symbol.asyncDispose]();
      await closed[Symbol.asyncDispose]();
      await rejectsWith(closed.query('SELECT 1'), 'unavailable');
      await rejectsWith(closed.transaction(async () => undefined), 'unavailable');
    });
  });
}

/** Asserts that a promise rejects with a `DatabaseError` of that code, and returns the error. */
export async function rejectsWith(promise: Promise<unknown>, code: DatabaseErrorCode) {
  const error: unknown = await promise.then(
    () => assert.fail(`resolved, though it should fail with ${code}`),
    (reason: unknown) => reason,
  );
  assert.ok(isDatabaseError(error), `not a DatabaseError: ${String(error)}`);
  assert.equal(error.code, code);
  return error;
}

function describeValue(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? 'undefined';
}

const results: readonly (readonly [string, unknown])[] = [
  ['1::int2', 1],
  ['1::int8', 1],
  ['(SELECT count(*) FROM (VALUES (1), (2)) AS v)', 2],
  ['9007199254740993::int8', 9_007_199_254_740_993n],
  ['1.5::float8', 1.5],
  ["'NaN'::float8", Number.NaN],
  ['1.50::numeric', '1.50'],
  ['true', true],
  ["'\\x00ff'::bytea", Buffer.from([0, 255])],
  ["'{\"a\":[1,null]}'::jsonb", { a: [1, null] }],
  ["'null'::jsonb", null],
  ["'2026-03-01T12:00:00.25Z'::timestamptz", new Date('2026-03-01T12:00:00.250Z')],
  ["'2026-03-01'::date", '2026-03-01'],
  ["'2026-03-01 12:00:00'::timestamp", '2026-03-01 12:00:00'],
  ["'1 day'::interval", '1 day'],
  ["'[1,2]'::vector", '[1,2]'],
  ["'[1,2]'::halfvec", '[1,2]'],
  ["ARRAY['a', 'b,\"\\', NULL]", ['a', 'b,"\\', null]],
  ['ARRAY[1, 9007199254740993]::int8[]', [1, 9_007_199_254_740_993n]],
  ['ARRAY[true, false]', [true, false]],
  ['ARRAY[1.5]::numeric[]', ['1.5']],
  ["ARRAY['2026-03-01T12:00:00Z'::timestamptz]", [new Date('2026-03-01T12:00:00Z')]],
  ["ARRAY['2026-03-01'::date]", ['2026-03-01']],
  ["ARRAY['{\"a\":1}'::jsonb]", [{ a: 1 }]],
  ['ARRAY[ARRAY[1, 2], ARRAY[3, 4]]', [[1, 2], [3, 4]]],
  ["'{}'::text[]", []],
];

const roundTrips: readonly (readonly [string, unknown, unknown?])[] = [
  ['text', 'naïve 🐘 \n\t\'"\\'],
  ['text', ''],
  ['text', 7, '7'],
  ['int', 7],
  ['int', '7', 7],
  ['int8', 9_007_199_254_740_993n],
  ['float8', -0.1],
  ['boolean', false],
  ['bytea', Buffer.from([0, 1, 92, 255])],
  ['bytea', new Uint8Array(), Buffer.alloc(0)],
  ['timestamptz', new Date('2026-03-01T12:00:00.250Z')],
  ['jsonb', '{"a":{"b":[1,"x"]}}', { a: { b: [1, 'x'] } }],
  ['jsonb', '"text"', 'text'],
  ['text[]', ['a', '', 'NULL', 'b,"\\{}', null]],
  ['text[]', []],
  ['int[]', [1, 2]],
  ['uuid[]', ['f8d71777-be95-444b-9222-d7d7362a1018']],
];
