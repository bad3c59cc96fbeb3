import { randomBytes } from 'node:crypto';
import { z } from 'zod';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A new identifier: 130 random bits as 26 characters of Crockford's base 32 in lower case. Random from the first character
 * on, so that a person can shorten it to a prefix.
 */
export function newId(): string {
  let id = '';
  for (const byte of randomBytes(26)) id += alphabet.charAt(byte & 31);
  return id;
}

/** An identifier on the wire; safe as a token of a subject, in a path and in a label. */
export const Id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"');

/** What a person types for an approval: a whole id or a prefix of one. */
export const IdPrefix = z.string().regex(/^[A-Za-z0-9]{1,64}$/, 'must be an id or the beginning of one');

/** Milliseconds since 1970-01-01T00:00:00Z. */
export const Timestamp = z.number().int().nonnegative();
