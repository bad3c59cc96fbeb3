import { createCipheriv, createDecipheriv, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Fernet tokens (github.com/fernet/spec), interoperable with Python's `cryptography.fernet.Fernet`:
 * `base64url(0x80 || time u64 BE seconds || IV 16 || AES-128-CBC/PKCS7 || HMAC-SHA256 of all before)`, padded.
 *
 * Two things are stricter than the specification asks. The age of a token is always checked, both ways,
 * and its text must be the canonical encoding: a decoder that skips stray characters would let one message
 * take many spellings, and so slip past whoever remembers messages by their text.
 */
export interface FernetKey {
  readonly signing: Uint8Array;
  readonly encryption: Uint8Array;
}

export type FernetErrorCode = 'malformed' | 'not_canonical' | 'bad_signature' | 'too_old' | 'from_future';

export class FernetError extends Error {
  override readonly name = 'FernetError';
  readonly code: FernetErrorCode;

  constructor(code: FernetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface FernetLimits {
  /** The reader's clock, in milliseconds since 1970. */
  readonly now?: number;
  readonly maxAgeSeconds: number;
  readonly maxSkewSeconds: number;
}

export const pbkdf2Iterations = 100_000;
export const saltBytes = 16;

const version = 0x80;
const ivAt = 9;
const ciphertextAt = 25;
const blockBytes = 16;
const macBytes = 32;
const shortestToken = ciphertextAt + blockBytes + macBytes;

/**
 * The key of a password: PBKDF2-HMAC-SHA256 over its UTF-8 bytes, 100,000 iterations, 32 bytes.
 * About 30 ms of one thread of the pool, so derive once and keep the result.
 */
export async function deriveFernetKey(password: string, salt: Uint8Array): Promise<FernetKey> {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    pbkdf2(Buffer.from(password, 'utf8'), salt, pbkdf2Iterations, 32, 'sha256', (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
  return fernetKeyFromBytes(bytes);
}

/**
 * The key of 32 raw bytes: the first half signs, the second encrypts.
 * @throws {RangeError} for any other length.
 */
export function fernetKeyFromBytes(bytes: Uint8Array): FernetKey {
  if (bytes.length !== 32) throw new RangeError(`a Fernet key has 32 bytes, not ${bytes.length}`);
  return { signing: bytes.slice(0, 16), encryption: bytes.slice(16) };
}

/**
 * Seals bytes into a token stamped with the whole second of `now` (milliseconds).
 * `iv` is for the specification's test vectors; everybody else leaves it to the CSPRNG.
 */
export function sealFernet(
  key: FernetKey,
  plaintext: Uint8Array,
  now: number = Date.now(),
  iv: Uint8Array = randomBytes(blockBytes),
): string {
  const header = Buffer.alloc(ivAt);
  header.writeUInt8(version, 0);
  header.writeBigUInt64BE(BigInt(Math.floor(now / 1000)), 1);
  const cipher = createCipheriv('aes-128-cbc', key.encryption, iv);
  const signed = Buffer.concat([header, iv, cipher.update(plaintext), cipher.final()]);
  return encodePadded(Buffer.concat([signed, sign(key, signed)]));
}

/**
 * Opens a token. The signature is judged before anything the token says is believed.
 * @throws {FernetError} `not_canonical`, `malformed`, `bad_signature`, `too_old` or `from_future`.
 */
export function openFernet(key: FernetKey, token: string, limits: FernetLimits): Uint8Array {
  const bytes = decodeCanonical(token);
  if (bytes.length < shortestToken || (bytes.length - shortestToken) % blockBytes !== 0 || bytes[0] !== version) {
    throw new FernetError('malformed', 'the bytes are not laid out as a Fernet token');
  }
  const signed = bytes.subarray(0, -macBytes);
  if (!timingSafeEqual(sign(key, signed), bytes.subarray(-macBytes))) {
    throw new FernetError('bad_signature', 'the token was not sealed with this key');
  }
  checkAge(bytes.readBigUInt64BE(1), limits);
  return decrypt(key, bytes.subarray(ivAt, ciphertextAt), signed.subarray(ciphertextAt));
}

function checkAge(stamp: bigint, limits: FernetLimits): void {
  const age = BigInt(Math.floor((limits.now ?? Date.now()) / 1000)) - stamp;
  if (age > BigInt(limits.maxAgeSeconds)) throw new FernetError('too_old', 'the token is older than the reader accepts');
  if (-age > BigInt(limits.maxSkewSeconds)) throw new FernetError('from_future', 'the token is stamped in the future');
}

function decrypt(key: FernetKey, iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  try {
    const decipher = createDecipheriv('aes-128-cbc', key.encryption, iv);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch (cause) {
    throw new FernetError('malformed', 'the padding of the plaintext is wrong', { cause });
  }
}

function sign(key: FernetKey, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key.signing).update(bytes).digest();
}

function encodePadded(bytes: Buffer): string {
  const text = bytes.toString('base64url');
  return text + '='.repeat((4 - (text.length % 4)) % 4);
}

function decodeCanonical(token: string): Buffer {
  const bytes = Buffer.from(token, 'base64url');
  if (encodePadded(bytes) !== token) {
    throw new FernetError('not_canonical', 'the token is not padded base64url in its one canonical spelling');
  }
  return bytes;
}
