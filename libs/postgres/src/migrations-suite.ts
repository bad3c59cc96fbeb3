import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isDatabaseError, type Database } from './database.ts';
import { assertMigrated, migrate, MigrationError, type Migration, type MigrationErrorCode } from './migrations.ts';

const one: Migration = { number: 1, name: 'first', sql: 'CREATE TABLE m.a (n int); CREATE TABLE m.b (n int)' };
const two: Migration = { number: 2, name: 'second', sql: 'INSERT INTO m.a VALUES (2)' };
const three: Migration = { number: 3, name: 'third', sql: 'INSERT INTO m.a VALUES (3); SELECT no_such_column' };

/** What migrations promise on any database. */
export function migrationsSuite(name: string, open: () => Promise<Database>): void {
  describe(`migrations on ${name}`, () => {
    let db: Database;
    before(async () => {
      db = await open();
    });
    after(async () => await db[Symbol.asyncDispose]());
    beforeEach(async () => {
      await db.query('DROP SCHEMA IF EXISTS m CASCADE');
    });
    const rows = async () => (await db.query<{ n: number }>('SELECT n FROM m.a ORDER BY n')).map((row) => row.n);

    it('create the schema, apply all that is missing in order, and say from where to where', async () => {
      assert.deepEqual(await migrate(db, { schema: 'm', migrations: [one] }), { from: 0, to: 1 });
      assert.deepEqual(await migrate(db, { schema: 'm', migrations: [one, two] }), { from: 1, to: 2 });
      assert.deepEqual(await rows(), [2]);
      const records = await db.query('SELECT number, name FROM m.schema_migrations ORDER BY number');
      assert.deepEqual(records, [{ number: 1, name: 'first' }, { number: 2, name: 'second' }]);
    });

    it('do nothing the second time', async () => {
      await migrate(db, { schema: 'm', migrations: [one, two] });
      assert.deepEqual(await migrate(db, { schema: 'm', migrations: [one, two] }), { from: 2, to: 2 });
      assert.deepEqual(await rows(), [2]);
    });

    it('leave nothing of one that fails, and keep those before it', async () => {
      await assert.rejects(migrate(db, { schema: 'm', migrations: [one, two, three] }), (error: unknown) => isDatabaseError(error, 'invalid'));
      assert.deepEqual(await rows(), [2]);
      await assertMigrated(db, { schema: 'm', migrations: [one, two] });
    });

    it('are applied once when several start together', async () => {
      const results = await Promise.all(Array.from({ length: 4 }, async () => await migrate(db, { schema: 'm', migrations: [one, two] })));
      assert.ok(results.every((result) => result.to === 2));
      assert.deepEqual(await rows(), [2]);
    });

    it('refuse an applied one that has changed, but not for its line ends', async () => {
      await migrate(db, { schema: 'm', migrations: [{ ...one, sql: 'CREATE TABLE m.a\n(n int)' }] });
      await assertMigrated(db, { schema: 'm', migrations: [{ ...one, sql: 'CREATE TABLE m.a\r\n(n int)' }] });
      await rejectsWithMigrationError(migrate(db, { schema: 'm', migrations: [one] }), 'changed', /migration 1 \(first\)/);
      await rejectsWithMigrationError(assertMigrated(db, { schema: 'm', migrations: [one] }), 'changed', /migration 1/);
    });

    it('refuse a schema newer than the code, naming both numbers', async () => {
      await migrate(db, { schema: 'm', migrations: [one, two] });
      await rejectsWithMigrationError(migrate(db, { schema: 'm', migrations: [one] }), 'newer', /at migration 2.*knows only 1/);
      await rejectsWithMigrationError(assertMigrated(db, { schema: 'm', migrations: [one] }), 'newer', /at migration 2.*knows only 1/);
    });

    it('only checked, say how far behind the schema is', async () => {
      await rejectsWithMigrationError(assertMigrated(db, { schema: 'm', migrations: [one, two] }), 'behind', /at migration 0.*needs 2/);
      await migrate(db, { schema: 'm', migrations: [one] });
      await rejectsWithMigrationError(assertMigrated(db, { schema: 'm', migrations: [one, two] }), 'behind', /at migration 1.*needs 2/);
      await migrate(db, { schema: 'm', migrations: [one, two] });
      await assertMigrated(db, { schema: 'm', migrations: [one, two] });
    });

    it('make everything the property of the role they run as', async () => {
      await db.query('DROP ROLE IF EXISTS m_owner; CREATE ROLE m_owner NOLOGIN');
      await migrate(db, { schema: 'm', migrations: [one], role: 'm_owner' });
      const owners = await db.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'm'");
      assert.deepEqual(owners, [{ tableowner: 'm_owner' }]);
      await db.query('DROP SCHEMA m CASCADE; DROP ROLE m_owner');
    });
  });
}

/** Asserts that a promise rejects with a `MigrationError` of that code and with that message. */
export async function rejectsWithMigrationError(promise: Promise<unknown>, code: MigrationErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof MigrationError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}
