import { createHash } from 'node:crypto';
import { decodeBase64url } from '@megabot/crypto/base64url.ts';
import { signText, type SigningKeyPair } from '@megabot/crypto/ed25519.ts';
import { clientIdentity, role, scopes } from './allowed-methods.ts';
import { refused } from './failure.ts';

/** A device's name at the gateway: SHA-256 of its raw public key, in hex. */
export function deviceIdOf(publicKey: string): string {
  const raw = decodeBase64url(publicKey, 32);
  if (!raw) throw new TypeError('a public key is 32 bytes in unpadded base64url');
  return createHash('sha256').update(raw).digest('hex');
}

/**
 * What OpenClaw's handshake signs (v3): the fields joined by `|`, UTF-8. The platform is part of it, so it never changes:
 * the gateway takes a device with another platform for a new one. `token` is whatever credential is sent along.
 * @throws LinkFailure, final, for a nonce that holds a `|`: the signature would read as one over other fields too
 */
export function signatureInput(fields: { readonly deviceId: string; readonly signedAt: number; readonly token: string; readonly nonce: string }): string {
  const { deviceId, signedAt, token, nonce } = fields;
  if (nonce.includes('|')) throw refused('not_openclaw', 'What answers at OPENCLAW_URL asks for a signature that OpenClaw never asks for.', 'Set OPENCLAW_URL to the gateway, for instance ws://127.0.0.1:18789.');
  return ['v3', deviceId, clientIdentity.id, clientIdentity.mode, role, scopes.join(','), signedAt, token, nonce, clientIdentity.platform, ''].join('|');
}

export interface SignedDevice {
  readonly id: string;
  readonly publicKey: string;
  readonly signature: string;
  readonly signedAt: number;
  readonly nonce: string;
}

export function signChallenge(keys: SigningKeyPair, challenge: { readonly nonce: string; readonly ts: number }, token: string): SignedDevice {
  const id = deviceIdOf(keys.publicKey);
  const signature = signText(keys.privateKey, Buffer.from(signatureInput({ deviceId: id, signedAt: challenge.ts, token, nonce: challenge.nonce }), 'utf8'));
  return { id, publicKey: keys.publicKey, signature, signedAt: challenge.ts, nonce: challenge.nonce };
}
