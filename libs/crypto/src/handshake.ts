import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * The proofs of the native protocol's handshake (docs/protocol.md): each side shows that it holds the token
 * without sending it, over two fresh nonces, under a label of its own so that no proof serves as the other.
 */
export const nonceBytes = 32;

const authLabel = 'megabot-auth-v1';
const welcomeLabel = 'megabot-welcome-v1';
const sessionIdBytes = 16;

/** 32 random bytes. */
export function newNonce(): Buffer {
  return randomBytes(nonceBytes);
}

/** The client's proof: HMAC-SHA256 under the token's UTF-8 bytes over label, server nonce and client nonce. */
export function authProof(token: string, serverNonce: Uint8Array, clientNonce: Uint8Array): Buffer {
  return proof(authLabel, token, serverNonce, clientNonce);
}

/** The server's proof, made as the client's with another label. */
export function welcomeProof(token: string, serverNonce: Uint8Array, clientNonce: Uint8Array): Buffer {
  return proof(welcomeLabel, token, serverNonce, clientNonce);
}

/** Names a connection inside its encrypted frames: base64url of the first 16 bytes of SHA-256 over both nonces. */
export function sessionId(serverNonce: Uint8Array, clientNonce: Uint8Array): string {
  requireNonces(serverNonce, clientNonce);
  const digest = createHash('sha256').update(serverNonce).update(clientNonce).digest();
  return digest.subarray(0, sessionIdBytes).toString('base64url');
}

/** Compares two secrets, of any lengths, in a time that depends on neither's content: their SHA-256 are compared. */
export function constantTimeEquals(a: string | Uint8Array, b: string | Uint8Array): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

function proof(label: string, token: string, serverNonce: Uint8Array, clientNonce: Uint8Array): Buffer {
  requireNonces(serverNonce, clientNonce);
  return createHmac('sha256', Buffer.from(token, 'utf8')).update(label).update(serverNonce).update(clientNonce).digest();
}

// Fixed lengths keep the concatenation unambiguous: no byte can move from one nonce into the other.
function requireNonces(...nonces: readonly Uint8Array[]): void {
  for (const nonce of nonces) {
    if (nonce.length !== nonceBytes) throw new RangeError(`a nonce has ${nonceBytes} bytes, not ${nonce.length}`);
  }
}
