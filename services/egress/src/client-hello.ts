/**
 * The server name in the first bytes of a TLS connection (RFC 8446 §4.1.2, RFC 6066 §3).
 * `incomplete`: more bytes are needed. `no_tls`: this is something else, or has no name.
 */
export type ServerName = { readonly name: string } | 'incomplete' | 'no_tls';

/** A ClientHello with post-quantum key shares has about 1,800 bytes; more than this is no ClientHello. */
export const maxHelloBytes = 16_384 + 5;

export function serverNameOf(bytes: Uint8Array): ServerName {
  const handshake = handshakeBytes(bytes);
  if (typeof handshake === 'string') return handshake;
  try {
    return nameIn(handshake);
  } catch (error) {
    if (error instanceof RangeError) return 'no_tls';
    throw error;
  }
}

/** The ClientHello, put together from the records that it is cut into. */
function handshakeBytes(bytes: Uint8Array): Buffer | 'incomplete' | 'no_tls' {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Buffer[] = [];
  let have = 0;
  for (let at = 0; ; ) {
    const start = input.subarray(at, at + 5);
    // A record of type handshake (22), version 3.x; decided on the first bytes, so that another protocol is not waited for.
    if ((start.length > 0 && start[0] !== 22) || (start.length > 1 && start[1] !== 3)) return 'no_tls';
    if (start.length < 5) return bytes.byteLength >= maxHelloBytes ? 'no_tls' : 'incomplete';
    const length = start.readUInt16BE(3);
    if (length === 0 || length > 16_384) return 'no_tls';
    const part = input.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    const joined = parts.length === 1 ? part : Buffer.concat(parts);
    if (joined.length > 0 && joined[0] !== 1) return 'no_tls';
    if (have >= 4) {
      const wanted = 4 + joined.readUIntBE(1, 3);
      if (wanted > maxHelloBytes) return 'no_tls';
      if (have >= wanted) return joined.subarray(4, wanted);
    }
    if (part.length < length) return bytes.byteLength >= maxHelloBytes ? 'no_tls' : 'incomplete';
    at += 5 + length;
  }
}

/** @throws RangeError where a length leads past the end. */
function nameIn(hello: Buffer): ServerName {
  let at = 2 + 32; // version, random
  at += 1 + hello.readUInt8(at); // session id
  at += 2 + hello.readUInt16BE(at); // cipher suites
  at += 1 + hello.readUInt8(at); // compression methods
  const end = at + 2 + hello.readUInt16BE(at);
  at += 2;
  const names: string[] = [];
  while (at < end) {
    const type = hello.readUInt16BE(at);
    const length = hello.readUInt16BE(at + 2);
    if (at + 4 + length > hello.length) return 'no_tls';
    if (type === 0) {
      // A list with one entry of type host_name.
      if (hello.readUInt8(at + 6) !== 0) return 'no_tls';
      const size = hello.readUInt16BE(at + 7);
      if (size + 5 !== length) return 'no_tls';
      names.push(hello.toString('latin1', at + 9, at + 9 + size));
    }
    at += 4 + length;
  }
  const [name, another] = names;
  return name === undefined || another !== undefined ? 'no_tls' : { name };
}
