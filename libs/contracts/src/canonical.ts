import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** JSON in canonical form (RFC 8785), so that equal values have equal bytes. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('the value has no canonical JSON form');
  return text;
}

/** SHA-256 of the canonical JSON, in lower-case hexadecimal. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** The bytes that a signature for one purpose and no other is made over; `purpose` ends in a line break, see `signingContexts`. */
export const signedBytes = (purpose: string, value: unknown): Uint8Array => new TextEncoder().encode(purpose + canonicalJson(value));
