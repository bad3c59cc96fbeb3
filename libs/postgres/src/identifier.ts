/**
 * A schema, table or role name, quoted for SQL. Only lower-case names of at most 63 characters pass, since these come from
 * code and configuration, never from data.
 * @throws RangeError for any other name.
 */
export function quoteIdentifier(name: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new RangeError('not a plain lower-case SQL name');
  return `"${name}"`;
}
