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
