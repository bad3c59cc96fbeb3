import { DatabaseError, type DatabaseErrorCode } from './database.ts';

interface ServerError extends Error {
  readonly code: string;
  readonly constraint?: string | undefined;
}

// Both drivers report the server's answer as an Error whose `code` is the SQLSTATE; Node's own codes (ECONNREFUSED) are longer.
function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) && 'severity' in error;
}

/**
 * The typed form of a driver's error. What carries no SQLSTATE did not come from the server and is `fallback`.
 * PGlite hangs the statement and its parameters on the error; they are taken off, because causes end up in logs.
 */
export function toDatabaseError(error: unknown, fallback: DatabaseErrorCode): DatabaseError {
  if (error instanceof DatabaseError) return error;
  if (!isServerError(error)) return new DatabaseError(fallback, sentences[fallback], { cause: error });
  for (const name of ['query', 'params', 'queryOptions', 'detail', 'where', 'internalQuery']) Reflect.deleteProperty(error, name);
  // Complaints about a value quote it: `invalid input syntax for type integer: "…"`.
  if (error.code.startsWith('22')) withoutQuotes(error);
  const code = codeOf(error.code);
  const { constraint } = error;
  const sentence = constraint && (code === 'unique' || code === 'check') ? `${sentences[code]}: ${constraint}` : sentences[code];
  return new DatabaseError(code, `${sentence} (SQLSTATE ${error.code})`, { cause: error, constraint, sqlState: error.code });
}

function withoutQuotes(error: Error): void {
  const spoken = error.message;
  error.message = spoken.replaceAll(/".*"/gs, '"…"');
  if (error.stack !== undefined) error.stack = error.stack.replace(spoken, () => error.message);
}

const sentences: Record<DatabaseErrorCode, string> = {
  unavailable: 'the database cannot be reached or did not answer in time',
  unique: 'a unique constraint is violated',
  check: 'an integrity constraint is violated',
  serialization: 'another transaction got in the way',
  permission: 'the database refused this role',
  invalid: 'the statement or one of its values is invalid',
  other: 'the database failed to run the statement',
};

// SQLSTATE classes: PostgreSQL documentation, appendix A.
const exact: Readonly<Record<string, DatabaseErrorCode>> = {
  '23505': 'unique',
  '42501': 'permission',
  '53300': 'unavailable', // too many connections
  '55P03': 'unavailable', // lock timeout
  '57014': 'unavailable', // statement timeout
  '25P03': 'unavailable', // idle in transaction timeout: the session is gone
  '25P04': 'unavailable', // transaction timeout: likewise
  '3D000': 'permission', // no such database: a matter of set-up, like a wrong password
};
const byClass: Readonly<Record<string, DatabaseErrorCode>> = {
  '08': 'unavailable',
  '57': 'unavailable',
  '23': 'check',
  '40': 'serialization',
  '28': 'permission',
  '22': 'invalid',
  '26': 'invalid',
  '42': 'invalid',
  '3F': 'invalid',
  '0A': 'invalid',
};

function codeOf(sqlState: string): DatabaseErrorCode {
  return exact[sqlState] ?? byClass[sqlState.slice(0, 2)] ?? 'other';
}
