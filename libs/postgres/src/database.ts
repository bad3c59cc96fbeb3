/**
 * The database as services see it. Two implementations pass one compliance suite (`database-compliance.ts`):
 * `openPostgres` and `openPglite`.
 *
 * Values, the same in both:
 * - parameters: null, string, number, bigint, boolean, Date, Uint8Array, and arrays of those (`$1::text[]`). `undefined`
 *   counts as null. A plain object is refused: send JSON as a string with `$1::jsonb`.
 * - results: int2/int4/float as number; int8 (and so `count(*)`) as number where it is exact, else bigint; numeric, date,
 *   timestamp, interval, uuid and vector as text; bytea as Buffer; timestamptz as Date; json and jsonb parsed; arrays as arrays.
 *
 * Tables are named with their schema (`memory.turns`): nothing depends on a search path.
 */
export interface Sql {
  /**
   * Runs one statement and returns its rows. Without parameters the text may hold several statements; the rows are the
   * last one's, and outside a transaction they succeed or fail together.
   * @throws DatabaseError
   */
  query<Row extends object = Record<string, unknown>>(text: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Sql, AsyncDisposable {
  readonly kind: 'postgres' | 'pglite';
  /**
   * Runs `work` in one transaction and commits it when `work` resolves. A statement that fails dooms the transaction, even
   * if `work` swallows the error. Serialization failures and deadlocks roll back and run `work` again, so it must have no
   * effect but through `sql`. Inside `work` use `sql` only: the database's own `query` and `transaction` are refused there,
   * since on one session they would wait for themselves.
   * @throws DatabaseError; `unavailable` from a commit means that it may or may not have happened.
   */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Resolves if the database answers. @throws DatabaseError */
  ping(): Promise<void>;
}

/**
 * - `unavailable`: no connection, shutting down, or no answer in time; trying again later may help.
 * - `unique`: a unique constraint, named in `constraint`. `check`: any other integrity constraint, named where it has a name.
 * - `serialization`: a conflict with another transaction, left after the retries.
 * - `permission`: this role may not do that, or could not sign in.
 * - `invalid`: the statement or a value is wrong; repeating will never help.
 */
export type DatabaseErrorCode = 'unavailable' | 'unique' | 'check' | 'serialization' | 'permission' | 'invalid' | 'other';

export interface DatabaseErrorDetails {
  readonly cause?: unknown;
  readonly constraint?: string | undefined;
  /** The server's five-character SQLSTATE, where the server answered. */
  readonly sqlState?: string | undefined;
}

/** A failed database call. Its message never holds a value or the statement; the driver's own error is the `cause`. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  readonly constraint: string | undefined;
  readonly sqlState: string | undefined;
  constructor(code: DatabaseErrorCode, message: string, details: DatabaseErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.constraint = details.constraint;
    this.sqlState = details.sqlState;
  }
}

/** True for a `DatabaseError`, of the given code if one is given. */
export function isDatabaseError(error: unknown, code?: DatabaseErrorCode): error is DatabaseError {
  return error instanceof DatabaseError && (code === undefined || error.code === code);
}
