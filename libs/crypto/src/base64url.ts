/**
 * Reads unpadded base64url (RFC 4648 §5) of exactly `length` bytes, in its one canonical spelling.
 * Anything else gives undefined: padding, stray characters, spare bits, another length.
 */
export function decodeBase64url(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.length === length && bytes.toString('base64url') === text ? bytes : undefined;
}
