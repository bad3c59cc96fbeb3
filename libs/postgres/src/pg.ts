import type { Logger } from '@megabot/observability/logger.ts';
import pg from 'pg';
import { isDatabaseError, type Database, type DatabaseError } from './database.ts';
import { createDatabase, type DriverSession, type EncodedParameters } from './driver.ts';
import { toDatabaseError } from './errors.ts';
import { parserFor } from './values.ts';

export interface PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Connections at most; keep it below the role's connection limit. */
  readonly poolSize: number;
  readonly applicationName: string;
  /** The longest a statement may take, in milliseconds; 0 is no limit (for migrations). */
  readonly statementTimeoutMs: number;
  readonly logger: Logger;
}

/** How long to wait for a connection, whether it is being made or all are busy. */
const connectTimeoutMs = 5_000;
/** A server that is cut off cannot enforce its own limit, so the client's stands a little above it. */
const clientGraceMs = 2_000;

/**
 * Opens a pool on a PostgreSQL server; nothing is connected before the first query. A server that goes away fails the
 * queries under way with `unavailable` and is used again as soon as it is back.
 */
export function openPostgres(options: PostgresOptions): Database {
  const { statementTimeoutMs, logger } = options;
  const pool = new pg.Pool({
    host: options.host,
    port: options.port,
    user: options.user,
    password: options.password,
    database: options.database,
    max: options.poolSize,
    // Two stay open, so that a message after a quiet hour need not sign in first.
    min: Math.min(2, options.poolSize),
    application_name: options.applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    types: { getTypeParser: ((oid: number) => parserFor(oid)) as typeof pg.types.getTypeParser },
    ...(statementTimeoutMs > 0
      ? {
          statement_timeout: statementTimeoutMs,
          query_timeout: statementTimeoutMs + clientGraceMs,
          idle_in_transaction_session_timeout: statementTimeoutMs + clientGraceMs,
        }
      : {}),
  });
  pool.on('error', (error) => logger.warn({ err: toDatabaseError(error, 'unavailable') }, 'an idle database connection was lost'));
  // While a client is checked out the pool does not listen to it, and an unheard 'error' would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));

  async function withSession<T>(work: (session: DriverSession) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw toDatabaseError(error, 'unavailable');
    });
    let broken: DatabaseError | undefined;
    const runNow = async (text: string, parameters: EncodedParameters): Promise<object[]> => {
      if (broken) throw broken;
      try {
        return await runOn(client, text, parameters);
      } catch (error) {
        const failure = toDatabaseError(error, 'unavailable');
        if (leavesSessionUnusable(failure)) broken = failure;
        throw failure;
      }
    };
    // The driver wants one statement at a time; after a lost connection those still waiting must not be sent at all.
    let last: Promise<unknown> = Promise.resolve();
    const session: DriverSession = {
      async run(text, parameters) {
        const mine = last.then(async () => await runNow(text, parameters));
        last = mine.catch(() => undefined);
        return await mine;
      },
    };
    try {
      return await work(session);
    } finally {
      client.release(broken !== undefined);
    }
  }

  return createDatabase({
    kind: 'postgres',
    withSession,
    run: async (text, parameters) => await withSession(async (session) => await session.run(text, parameters)),
    close: async () => await pool.end(),
  });
}

async function runOn(client: pg.PoolClient, text: string, parameters: EncodedParameters): Promise<object[]> {
  // Several statements in one text give an array of results, which the driver's types do not know.
  const result: pg.QueryResult<object> | pg.QueryResult<object>[] = await client.query<object>(text, [...parameters]);
  if (!Array.isArray(result)) return result.rows;
  return result.at(-1)?.rows ?? [];
}

// A statement that ran into a server-side limit was answered: its session is fine. Without such an answer it is not.
function leavesSessionUnusable(error: DatabaseError): boolean {
  return isDatabaseError(error, 'unavailable') && error.sqlState !== '57014' && error.sqlState !== '55P03';
}
