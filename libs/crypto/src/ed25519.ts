import { createPrivateKey, createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
import { decodeBase64url } from './base64url.ts';

/**
 * Ed25519 (RFC 8032) with keys as short texts: a private key is its 32-byte seed, a public key its 32 raw bytes,
 * each in unpadded base64url, so that both fit one line of a file. node:crypto wants them inside DER (RFC 8410),
 * whose framing for this one algorithm is a constant prefix.
 */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const keyBytes = 32;
const signatureBytes = 64;

export interface SigningKeyPair {
  /** 32 raw bytes, base64url: what a verifier pins. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

/** A new secret of 32 bytes from the CSPRNG, base64url: a token, a password, or the seed of a key pair. */
export function generateSecret(): string {
  return randomBytes(keyBytes).toString('base64url');
}

/**
 * The key pair of a seed in base64url.
 * @throws {TypeError} for anything but 32 bytes in canonical spelling; the message never holds the seed.
 */
export function keyPairFromSeed(seed: string): SigningKeyPair {
  const bytes = decodeBase64url(seed, keyBytes);
  if (!bytes) throw new TypeError('a signing seed is 32 bytes in unpadded base64url');
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, bytes]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { publicKey: spki.subarray(spkiPrefix.length).toString('base64url'), privateKey };
}

/** The signature over `bytes`, 64 bytes in base64url. The same bytes always give the same signature. */
export function signText(privateKey: KeyObject, bytes: Uint8Array): string {
  return sign(null, bytes, privateKey).toString('base64url');
}

/** Whether `signature` is the key's over exactly `bytes`. A key or signature that cannot be read verifies nothing. */
export function verifyText(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  const raw = decodeBase64url(publicKey, keyBytes);
  const signed = decodeBase64url(signature, signatureBytes);
  if (!raw || !signed) return false;
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' });
  return verify(null, bytes, key, signed);
}
