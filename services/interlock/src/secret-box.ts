import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { decodeBase64url } from '@megabot/crypto/base64url.ts';

/** Keeps small secrets unreadable in the database: AES-256-GCM, 12 random bytes as nonce, bound to the name of whose they are. */
export interface SecretBox {
  seal(secret: string, name: string): string;
  /** Null if it was sealed with another key or for another name, or was changed. */
  open(sealed: string, name: string): string | null;
}

const nonceBytes = 12;
const tagBytes = 16;

/** A box whose key is derived (HKDF-SHA256, RFC 5869) from the seed of the permit key, for one purpose alone. `seed`: 32 bytes, base64url. */
export function createSecretBox(seed: string, purpose: string): SecretBox {
  const bytes = decodeBase64url(seed, 32);
  if (!bytes) throw new TypeError('a seed is 32 bytes in unpadded base64url');
  const key = Buffer.from(hkdfSync('sha256', bytes, new Uint8Array(0), purpose, 32));
  return {
    seal(secret, name) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name));
      const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
    },
    open(sealed, name) {
      const all = Buffer.from(sealed, 'base64url');
      if (all.length < nonceBytes + tagBytes) return null;
      const decipher = createDecipheriv('aes-256-gcm', key, all.subarray(0, nonceBytes), { authTagLength: tagBytes }).setAAD(Buffer.from(name));
      decipher.setAuthTag(all.subarray(nonceBytes, nonceBytes + tagBytes));
      try {
        return Buffer.concat([decipher.update(all.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
      } catch {
        return null;
      }
    },
  };
}
