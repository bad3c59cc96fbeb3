import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startPostgres, type TestPostgres } from '@megabot/testing/postgres.ts';
import { isDatabaseError, type Database } from './database.ts';
import { databaseCompliance, rejectsWith } from './database-compliance.ts';
import { migrationsSuite } from './migrations-suite.ts';
import { outboxSuite } from './outbox-suite.ts';
import { openPostgres, type PostgresOptions } from './pg.ts';

// The flags for privacy that infra/postgres/README.md asks for.
const quiet = ['log_min_error_statement=panic', 'log_error_verbosity=terse', 'log_parameter_max_length=0', 'log_parameter_max_length_on_error=0'];
const server: TestPostgres = await startPostgres([...quiet, 'log_min_duration_statement=0'].flatMap((flag) => ['-c', flag]));
after(async () => await server.close());

function open(changes: Partial<PostgresOptions> = {}): Database {
  return openPostgres({
    host: server.host,
    port: server.port,
    user: server.superuser,
    password: server.password,
    database: server.database,
    poolSize: 4,
    applicationName: 'test',
    statementTimeoutMs: 5_000,
    logger: silentLogger(),
    ...changes,
  });
}

databaseCompliance('PostgreSQL', async () => {
  const db = open();
  await db.query('CREATE EXTENSION IF NOT EXISTS vector');
  return db;
});

migrationsSuite('PostgreSQL', async () => open());
outboxSuite('PostgreSQL', async () => open());

describe('a PostgreSQL pool', () => {
  it('says permission for a wrong password or an absent database, and unavailable where nobody listens', async () => {
    for (const [changes, code] of [
      [{ password: 'wrong' }, 'permission'],
      [{ database: 'absent' }, 'permission'],
      [{ port: 1 }, 'unavailable'],
      [{ host: 'no-such-host.invalid' }, 'unavailable'],
    ] as const) {
      await using db = open(changes);
      await rejectsWith(db.ping(), code);
    }
  });

  it('ends a statement that takes too long, and goes on with the same session', async () => {
    await using db = open({ statementTimeoutMs: 100, poolSize: 1 });
    const [first] = await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const error = await rejectsWith(db.query('SELECT pg_sleep(30)'), 'unavailable');
    assert.equal(error.sqlState, '57014');
    assert.deepEqual(await db.query('SELECT pg_backend_pid() AS pid'), [first]);
  });

  it('survives the end of its sessions, idle ones and one in a transaction', async () => {
    await using db = open();
    await using other = open({ applicationName: 'other' });
    const endAll = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test' AND pid <> pg_backend_pid()";
    const work = db.transaction(async (sql) => {
      await sql.query('SELECT 1');
      await other.query(endAll);
      await sql.query('SELECT 1');
    });
    await rejectsWith(work, 'unavailable');
    await db.ping();
    await other.query(endAll);
    await answersAgain(db);
  });

  it('writes no value to the server’s log, not even of statements that fail', async () => {
    await using db = open();
    const canary = 'canary-4711';
    await db.query('CREATE TABLE public.said (words text PRIMARY KEY)');
    await db.query('INSERT INTO public.said VALUES ($1)', [canary]);
    await rejectsWith(db.query('INSERT INTO public.said VALUES ($1)', [canary]), 'unique');
    await rejectsWith(db.query('SELECT $1::int', [canary]), 'invalid');
    const log = await server.logs();
    assert.match(log, /said_pkey/);
    assert.doesNotMatch(log.replaceAll(/invalid input syntax for type integer: .*/g, ''), new RegExp(canary));
  });

  it('names its sessions', async () => {
    await using db = open({ applicationName: 'megabot-naming' });
    assert.deepEqual(await db.query("SELECT current_setting('application_name') AS name"), [{ name: 'megabot-naming' }]);
  });
});

describe('a PostgreSQL server that is killed', () => {
  let db: Database;
  before(() => {
    db = open();
  });
  after(async () => await db[Symbol.asyncDispose]());

  it('fails what is under way and what follows with unavailable, and is used again once it is back', async () => {
    await db.ping();
    const underWay = rejectsWith(db.query('SELECT pg_sleep(4)'), 'unavailable');
    await server.kill();
    await underWay;
    for (let i = 0; i < 3; i++) await rejectsWith(db.ping(), 'unavailable');
    await rejectsWith(db.transaction(async (sql) => await sql.query('SELECT 1')), 'unavailable');
    await server.start();
    await answersAgain(db);
  });
});

// A pool may learn of a lost connection only by using it: until all are replaced a query may say unavailable, but nothing else.
async function answersAgain(db: Database): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await db.ping();
    } catch (error) {
      if (!isDatabaseError(error, 'unavailable') || attempt >= 4) throw error;
    }
  }
}
