import type { Database, Sql } from './database.ts';
import { quoteIdentifier } from './identifier.ts';
import { scramVerifier } from './scram.ts';

export interface ServiceRole {
  /** The role a service signs in as: it owns nothing and has no rights but those of the service's `grants.sql`. */
  readonly login: string;
  /** The role that owns the schema and all in it; nobody can sign in as it. Migrations run as it. */
  readonly owner: string;
  readonly schema: string;
  readonly password: string;
  /** Above the sum of the service's pools over all its replicas. */
  readonly connectionLimit: number;
}

export interface ProvisionOptions {
  readonly roles: readonly ServiceRole[];
}

/** Limits that hold however a client is set up; a service's own are shorter. */
const timeouts = {
  statement_timeout: '60s',
  lock_timeout: '10s',
  idle_in_transaction_session_timeout: '60s',
};

/**
 * Brings the server's roles, schemas and rights to what is given, in one transaction: nothing for PUBLIC, one login per
 * service that reaches its own schema alone, and pgvector in the schema `public`, where nobody may create anything.
 * Needs a superuser. Repeating it changes nothing but the passwords, which are set anew each time.
 * @throws DatabaseError, or RangeError for a name or password that will not do
 */
export async function provisionRoles(superuser: Database, options: ProvisionOptions): Promise<void> {
  // Verifiers are worked out first: each takes milliseconds, and a bad password should be refused before anything changes.
  const roles = options.roles.map((role) => ({ ...role, verifier: scramVerifier(role.password) }));
  await superuser.transaction(async (sql) => {
    await sql.query("SELECT pg_advisory_xact_lock(hashtextextended('megabot:provision', 0))");
    await sql.query('CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public');
    await sql.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
    for (const database of await databases(sql)) await sql.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    for (const role of roles) await provisionRole(sql, role);
  });
}

async function provisionRole(sql: Sql, role: ServiceRole & { readonly verifier: string }): Promise<void> {
  const login = quoteIdentifier(role.login);
  const owner = quoteIdentifier(role.owner);
  const schema = quoteIdentifier(role.schema);
  if (!Number.isSafeInteger(role.connectionLimit) || role.connectionLimit < 1) throw new RangeError('a connection limit is a whole number above 0');
  const plain = 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT';
  await createRole(sql, role.owner);
  await createRole(sql, role.login);
  await sql.query(`ALTER ROLE ${owner} WITH NOLOGIN ${plain} PASSWORD NULL`);
  // A verifier is base64 with $ and :, so it needs no escaping; a role statement takes no parameters.
  await sql.query(`ALTER ROLE ${login} WITH LOGIN ${plain} CONNECTION LIMIT ${role.connectionLimit} PASSWORD '${role.verifier}'`);
  await revokeMemberships(sql, role.login);
  for (const [name, value] of Object.entries(timeouts)) await sql.query(`ALTER ROLE ${login} SET ${name} = '${value}'`);
  // Tables are always named with their schema; public is there for the operators of pgvector.
  await sql.query(`ALTER ROLE ${login} SET search_path = public`);
  await sql.query(`GRANT CONNECT ON DATABASE ${await currentDatabase(sql)} TO ${login}`);
  await sql.query(`GRANT USAGE ON SCHEMA public TO ${login}, ${owner}`);
  await sql.query(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${owner}`);
  await sql.query(`ALTER SCHEMA ${schema} OWNER TO ${owner}`);
  await sql.query(`REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC, ${login}`);
  await sql.query(`GRANT USAGE ON SCHEMA ${schema} TO ${login}`);
  // Functions are the one kind of object that PUBLIC may use by default.
  await sql.query(`ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE ALL ON FUNCTIONS FROM PUBLIC`);
}

async function createRole(sql: Sql, name: string): Promise<void> {
  const [found] = await sql.query('SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1', [name]);
  if (!found) await sql.query(`CREATE ROLE ${quoteIdentifier(name)} NOLOGIN`);
}

async function revokeMemberships(sql: Sql, name: string): Promise<void> {
  const rows = await sql.query<{ role: string }>(
    `SELECT quote_ident(granted.rolname) AS role FROM pg_catalog.pg_auth_members m
     JOIN pg_catalog.pg_roles granted ON granted.oid = m.roleid JOIN pg_catalog.pg_roles member ON member.oid = m.member
     WHERE member.rolname = $1`,
    [name],
  );
  for (const { role } of rows) await sql.query(`REVOKE ${role} FROM ${quoteIdentifier(name)}`);
}

async function databases(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ name: string }>('SELECT quote_ident(datname) AS name FROM pg_catalog.pg_database WHERE datallowconn');
  return rows.map((row) => row.name);
}

async function currentDatabase(sql: Sql): Promise<string> {
  const [row] = await sql.query<{ name: string }>('SELECT quote_ident(current_database()) AS name');
  if (!row) throw new Error('the server did not name its database');
  return row.name;
}
