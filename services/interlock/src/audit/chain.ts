import { createHash, type KeyObject } from 'node:crypto';
import { auditHeadContext, type AuditEntry, type AuditHead, type AuditRecord } from '@megabot/contracts/audit.ts';
import { canonicalJson, signedBytes } from '@megabot/contracts/canonical.ts';
import { signText, verifyText } from '@megabot/crypto/ed25519.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What an entry's hash is taken over: all of it but what can be erased. The hash before it is part of that. */
export type Chained = Omit<AuditEntry, 'text' | 'digest' | 'hash'>;

export function chainHash(entry: Chained): string {
  const { seq, at, event, principal, channel, conversation, verdict, rule, subject, textHash, previousHash } = entry;
  return sha256(canonicalJson({ seq, at, event, principal, channel, conversation, verdict, rule, subject, textHash, previousHash }));
}

export interface Erasable {
  readonly salt: string;
  readonly text: string | null;
  readonly digest: string | null;
}

const isSalt = /^[0-9a-f]{32}$/;
const isDigest = /^[0-9a-f]{64}$/;

/** The commitment to what can be erased, which says nothing about it once the salt is gone. */
export function textHashOf({ salt, text, digest }: Erasable): string {
  // A salt is never a word, so that the two forms cannot be taken for each other.
  return digest === null ? sha256(`${salt}\n${text ?? ''}`) : sha256(`with digest\n${salt}\n${digest}\n${text ?? ''}`);
}

/** Whether the erasable part of an entry is what the chain holds the hash of. Erased: there is nothing to contradict it. */
export function textFits({ salt, text, digest = null, textHash }: AuditRecord): boolean {
  if (salt === null) return text === null && digest === null;
  return isSalt.test(salt) && (digest === null || isDigest.test(digest)) && textHashOf({ salt, text, digest }) === textHash;
}

/** Names a public key in a log line. */
export const publicKeyId = (publicKey: string): string => sha256(publicKey).slice(0, 16);

type HeadClaims = Pick<AuditHead, 'seq' | 'hash' | 'at'>;
const bytesOf = ({ seq, hash, at }: HeadClaims): Uint8Array => signedBytes(auditHeadContext, { seq, hash, at });

export const signHead = (privateKey: KeyObject, publicKey: string, head: HeadClaims): AuditHead => ({
  ...head, publicKey, signature: signText(privateKey, bytesOf(head)),
});

/** Whether one of the trusted keys signed it; the key that a head names itself is not asked. */
export const headIsSigned = (trusted: readonly string[], head: HeadClaims & Pick<AuditHead, 'signature'>): boolean =>
  trusted.some((publicKey) => verifyText(publicKey, bytesOf(head), head.signature));
