import { createHmac, randomBytes } from 'node:crypto';
import { decodeBase64url } from '@megabot/crypto/base64url.ts';
import { constantTimeEquals } from '@megabot/crypto/handshake.ts';

/**
 * A one-time code for the sign-in link. It is complete in itself, so that whoever holds the token makes one without asking
 * the running gateway: base64url of 16 random bytes, 8 bytes of expiry (ms, big-endian) and HMAC-SHA256 under the token over
 * a label and those 24. That it works once is the interlock's record of `codeId`.
 */
export const signInCodeMs = 15 * 60_000;

const label = 'megabot-sign-in-v1';
const headBytes = 24;
const macBytes = 32;

export function createSignInCode(token: string, now: number): string {
  const head = Buffer.alloc(headBytes);
  randomBytes(16).copy(head);
  head.writeBigUInt64BE(BigInt(now + signInCodeMs), 16);
  return Buffer.concat([head, seal(token, head)]).toString('base64url');
}

/** What a code that holds is recorded under; undefined for one that was not made with this token, or has expired. */
export function checkSignInCode(code: string, token: string, now: number): { codeId: string } | undefined {
  const bytes = decodeBase64url(code, headBytes + macBytes);
  if (!bytes) return undefined;
  const head = bytes.subarray(0, headBytes);
  if (!constantTimeEquals(bytes.subarray(headBytes), seal(token, head))) return undefined;
  if (head.readBigUInt64BE(16) < BigInt(now)) return undefined;
  return { codeId: head.subarray(0, 16).toString('base64url') };
}

const seal = (token: string, head: Buffer): Buffer => createHmac('sha256', Buffer.from(token, 'utf8')).update(label).update(head).digest();

/** The link to open: the code stands in the fragment, which no browser sends to any server or writes into a referrer. */
export const signInLink = (origin: string, code: string): string => `${origin}/#code=${code}`;
