import pg from 'pg';
import { DatabaseError } from './database.ts';

/** Parses one column's text into its JavaScript value. */
export type ValueParser = (text: string) => unknown;

const parseTimestamptz = parserOf(1184);
const parseTextArray = parserOf(1009) as (text: string) => unknown[];

// The driver's types list only the scalar oids, though it parses arrays too.
function parserOf(oid: number): ValueParser {
  return (pg.types.getTypeParser as (oid: number) => ValueParser)(oid);
}

function parseInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** Parsers by type oid; every other type stays text. The oids are fixed in PostgreSQL's `pg_type.dat`. */
export const scalarParsers: Readonly<Record<number, ValueParser>> = {
  16: (text) => text === 't' || text === 'true',
  17: (text) => Buffer.from(text.slice(2), 'hex'),
  20: parseInt8,
  21: Number,
  23: Number,
  26: Number,
  114: JSON.parse,
  700: Number,
  701: Number,
  1082: asText,
  1114: asText,
  1184: parseTimestamptz,
  3802: JSON.parse,
};

/** Array types with their element types; text, uuid and the rest are handled as arrays of text. */
const arrayElements: Readonly<Record<number, number>> = {
  1000: 16, 1001: 17, 1016: 20, 1005: 21, 1007: 23, 1028: 26, 199: 114, 1021: 700, 1022: 701, 1185: 1184, 3807: 3802,
};
const textArrays: ReadonlySet<number> = new Set([1009, 1014, 1015, 1182, 1115, 1231, 1187, 2951, 1041, 651]);

function asText(text: string): string {
  return text;
}

/** The parser for a type oid, as `pg` asks for it. */
export function parserFor(oid: number): ValueParser {
  const scalar = scalarParsers[oid];
  if (scalar) return scalar;
  const element = arrayElements[oid];
  if (element !== undefined) {
    const parse = scalarParsers[element] ?? asText;
    return (text) => mapLeaves(parseTextArray(text), parse);
  }
  return textArrays.has(oid) ? parseTextArray : asText;
}

function mapLeaves(items: readonly unknown[], parse: ValueParser): unknown[] {
  return items.map((item) => (Array.isArray(item) ? mapLeaves(item, parse) : typeof item === 'string' ? parse(item) : item));
}

/**
 * A parameter in PostgreSQL's text form, so that both drivers hand the server the same bytes whatever type it infers.
 * @throws DatabaseError `invalid` for a value that has no such form.
 */
export function encodeParameter(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return encodeArray(value);
  switch (typeof value) {
    case 'string':
      return storableText(value);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      if (value instanceof Date) return encodeDate(value);
      if (value instanceof Uint8Array) return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
      throw new DatabaseError('invalid', 'a query parameter is neither a plain value nor an array; send JSON as a string with ::jsonb');
  }
}

/** Text as the database keeps it: for NUL and for half of a surrogate pair, which it cannot hold, the replacement character. */
export const storableText = (text: string): string => text.toWellFormed().replaceAll('\0', '\u{FFFD}');

// As `JSON.stringify` writes them: whole pairs stand as they are. After an odd number of backslashes it is text about an escape.
const unstorableEscape = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;
const mayEscape = /\\u(?:0000|d)/;

/** The parameters of one statement; JSON is told by its cast, `$1::jsonb`, since there such characters stand as escapes. */
export function encodeParameters(text: string, parameters: readonly unknown[]): (string | null)[] {
  return parameters.map((value, index) => {
    const encoded = encodeParameter(value);
    if (encoded === null || !text.includes(`$${index + 1}::jsonb`) || !mayEscape.test(encoded)) return encoded;
    return encoded.replaceAll(unstorableEscape, '$1\\ufffd');
  });
}

function encodeDate(value: Date): string {
  if (Number.isNaN(value.getTime())) throw new DatabaseError('invalid', 'a query parameter is not a valid date');
  return value.toISOString();
}

function encodeArray(items: readonly unknown[]): string {
  const parts = items.map((item) => {
    if (Array.isArray(item)) return encodeArray(item);
    const text = encodeParameter(item);
    return text === null ? 'NULL' : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  });
  return `{${parts.join(',')}}`;
}
