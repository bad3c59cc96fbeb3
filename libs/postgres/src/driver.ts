import { AsyncLocalStorage } from 'node:async_hooks';
import { retry } from '@megabot/lifecycle/backoff.ts';
import { DatabaseError, isDatabaseError, type Database, type Sql } from './database.ts';
import { toDatabaseError } from './errors.ts';
import { encodeParameters } from './values.ts';

export type EncodedParameters = readonly (string | null)[];

/** One session that nobody else uses meanwhile. Statements run in the order in which they were given. */
export interface DriverSession {
  run(text: string, parameters: EncodedParameters): Promise<object[]>;
}

/** What an implementation supplies; everything that must not differ between them is here, in `createDatabase`. */
export interface DatabaseDriver extends DriverSession {
  readonly kind: Database['kind'];
  withSession<T>(work: (session: DriverSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface TransactionState {
  open: boolean;
  /** The first statement that failed. */
  failure: DatabaseError | undefined;
}

const conflictRetries = { minMs: 5, maxMs: 200, attempts: 6 };

export function createDatabase(driver: DatabaseDriver): Database {
  const current = new AsyncLocalStorage<TransactionState>();
  let closing: Promise<void> | undefined;

  function refuseMisuse(): void {
    if (closing) throw new DatabaseError('unavailable', 'the database is closed');
    if (current.getStore()?.open) {
      throw new DatabaseError('invalid', 'inside a transaction only its own handle may be used: the database itself would wait for the transaction');
    }
  }

  async function attempt<T>(session: DriverSession, work: (sql: Sql) => Promise<T>): Promise<T> {
    const state: TransactionState = { open: true, failure: undefined };
    await session.run('BEGIN', []);
    try {
      const result = await current.run(state, async () => await work(handle(session, state)));
      if (state.failure !== undefined) throw state.failure;
      state.open = false;
      await session.run('COMMIT', []);
      return result;
    } catch (error) {
      state.open = false;
      // A session that cannot even roll back is dropped by its driver; the first error is the one that matters.
      await session.run('ROLLBACK', []).catch(() => undefined);
      throw error;
    }
  }

  return {
    kind: driver.kind,
    async query<Row extends object>(text: string, parameters: readonly unknown[] = []): Promise<Row[]> {
      refuseMisuse();
      return (await driver.run(text, encodeParameters(text, parameters))) as Row[];
    },
    async transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
      refuseMisuse();
      type Outcome = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };
      const outcome = await retry<Outcome>(async () => {
        try {
          return { ok: true, value: await driver.withSession(async (session) => await attempt(session, work)) };
        } catch (error) {
          if (isDatabaseError(error, 'serialization')) throw error;
          return { ok: false, error };
        }
      }, conflictRetries);
      if (!outcome.ok) throw outcome.error;
      return outcome.value;
    },
    async ping() {
      refuseMisuse();
      await driver.run('SELECT 1', []);
    },
    async [Symbol.asyncDispose]() {
      closing ??= driver.close();
      await closing;
    },
  };
}

function handle(session: DriverSession, state: TransactionState): Sql {
  return {
    async query<Row extends object>(text: string, parameters: readonly unknown[] = []): Promise<Row[]> {
      if (!state.open) throw new DatabaseError('invalid', 'the transaction is over');
      try {
        return (await session.run(text, encodeParameters(text, parameters))) as Row[];
      } catch (error) {
        // Drivers throw nothing else, but a second look is cheap beside a commit that did not happen.
        state.failure ??= toDatabaseError(error, 'other');
        throw error;
      }
    },
  };
}
