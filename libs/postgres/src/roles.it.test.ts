import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startPostgres, type TestPostgres } from '@megabot/testing/postgres.ts';
import type { Database } from './database.ts';
import { rejectsWith } from './database-compliance.ts';
import { assertMigrated, migrate, type Migration } from './migrations.ts';
import { openPostgres } from './pg.ts';
import { provisionRoles, type ServiceRole } from './roles.ts';

const migrations: readonly Migration[] = [
  { number: 1, name: 'first', sql: 'CREATE TABLE memory.notes (n int, e halfvec(2)); CREATE FUNCTION memory.one() RETURNS int RETURN 1' },
];
const grants = 'GRANT SELECT ON memory.schema_migrations TO megabot_memory; GRANT SELECT, INSERT ON memory.notes TO megabot_memory';

function roleOf(schema: 'memory' | 'interlock', password: string): ServiceRole {
  return { login: `megabot_${schema}`, owner: `${schema}_owner`, schema, password, connectionLimit: 3 };
}

describe('provisioned roles', () => {
  const passwords = { memory: randomBytes(24).toString('base64url'), interlock: "it's $ecret \\ \"quoted\"" };
  let server: TestPostgres;
  let superuser: Database;
  let memory: Database;
  let interlock: Database;
  const open = (user: string, password: string, database = server.database, poolSize = 1) =>
    openPostgres({ host: server.host, port: server.port, user, password, database, poolSize, applicationName: user, statementTimeoutMs: 5_000, logger: silentLogger() });

  before(async () => {
    server = await startPostgres(['-c', 'log_statement=all', '-c', 'log_min_duration_statement=0']);
    superuser = open(server.superuser, server.password, server.database, 4);
    const roles = [roleOf('memory', passwords.memory), roleOf('interlock', passwords.interlock)];
    // Twice, and together: the job that does this may run more than once.
    await Promise.all([provisionRoles(superuser, { roles }), provisionRoles(superuser, { roles })]);
    await migrate(superuser, { schema: 'memory', migrations, role: 'memory_owner' });
    await superuser.query(grants);
    memory = open('megabot_memory', passwords.memory);
    interlock = open('megabot_interlock', passwords.interlock);
  });
  after(async () => {
    for (const db of [memory, interlock, superuser]) await db[Symbol.asyncDispose]();
    await server.close();
  });

  it('sign in with their passwords, and do what their grants say', async () => {
    await interlock.ping();
    await assertMigrated(memory, { schema: 'memory', migrations });
    await memory.query("INSERT INTO memory.notes VALUES (1, '[1,0]')");
    assert.deepEqual(await memory.query("SELECT n FROM memory.notes ORDER BY e <=> '[0,1]'"), [{ n: 1 }]);
  });

  for (const statement of [
    'DELETE FROM memory.notes',
    'DROP TABLE memory.notes',
    'CREATE TABLE memory.more (n int)',
    'CREATE TABLE public.more (n int)',
    'CREATE TEMP TABLE more (n int)',
    'CREATE SCHEMA more',
    'SELECT memory.one()',
    'INSERT INTO memory.schema_migrations VALUES (2, $$x$$, $$x$$)',
    'SELECT * FROM pg_authid',
    'SET ROLE memory_owner',
    'CREATE ROLE another',
    "COPY memory.notes TO PROGRAM 'true'",
  ]) {
    it(`may not ${statement}`, async () => {
      await rejectsWith(memory.query(statement), 'permission');
    });
  }

  it('do not reach each other’s schema, or another database', async () => {
    await rejectsWith(interlock.query('SELECT * FROM memory.notes'), 'permission');
    await rejectsWith(memory.query('SELECT * FROM interlock.anything'), 'permission');
    await using other = open('megabot_memory', passwords.memory, 'postgres');
    await rejectsWith(other.ping(), 'permission');
  });

  it('own nothing: the owner cannot sign in', async () => {
    const owners = await superuser.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'memory'");
    assert.deepEqual(owners, [{ tableowner: 'memory_owner' }]);
    await using owner = open('memory_owner', passwords.memory);
    await rejectsWith(owner.ping(), 'permission');
  });

  it('are limited in time and in number', async () => {
    const [settings] = await memory.query<{ lock: string; path: string }>("SELECT current_setting('lock_timeout') AS lock, current_setting('search_path') AS path");
    assert.deepEqual(settings, { lock: '10s', path: 'public' });
    await using first = open('megabot_memory', passwords.memory);
    await using second = open('megabot_memory', passwords.memory);
    await using third = open('megabot_memory', passwords.memory);
    await Promise.all([memory.ping(), first.ping(), second.ping()]);
    await rejectsWith(third.ping(), 'unavailable');
  });

  it('lose what they were wrongly given, and get a new password, when provisioned again', async () => {
    await superuser.query('GRANT memory_owner TO megabot_memory; ALTER ROLE megabot_memory CREATEDB; GRANT ALL ON SCHEMA memory TO megabot_memory');
    await provisionRoles(superuser, { roles: [roleOf('memory', 'a new one')] });
    await rejectsWith(memory.query('SET ROLE memory_owner'), 'permission');
    await rejectsWith(memory.query('CREATE TABLE memory.more (n int)'), 'permission');
    await using renewed = open('megabot_memory', 'a new one');
    await renewed.query('SELECT * FROM memory.notes');
    await using stale = open('megabot_memory', passwords.memory);
    await rejectsWith(stale.ping(), 'permission');
  });

  it('never show their passwords to the server’s log', async () => {
    const log = await server.logs();
    assert.match(log, /ALTER ROLE "megabot_memory" WITH LOGIN/);
    for (const password of Object.values(passwords)) assert.ok(!log.includes(password));
  });

  it('are refused before anything changes if a name or password will not do', async () => {
    const role = roleOf('memory', 'fine');
    await assert.rejects(provisionRoles(superuser, { roles: [{ ...role, login: 'bad"; DROP TABLE x' }] }), RangeError);
    await assert.rejects(provisionRoles(superuser, { roles: [{ ...role, password: '' }] }), RangeError);
  });
});
