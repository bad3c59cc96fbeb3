import { z } from 'zod';
import { ActionKey } from './action.ts';
import { Id, Timestamp } from './ids.ts';

/** One entry of the append-only log. `hash` chains it to the entry before (`previousHash`). */
export const AuditEntry = z.object({
  seq: z.number().int().positive(),
  at: Timestamp,
  event: z.string(),
  principal: z.string().nullable(),
  channel: z.string().nullable(),
  conversation: z.string().nullable(),
  verdict: z.string().nullable(),
  rule: z.string().nullable(),
  subject: z.record(z.string(), z.string()),
  /** Redacted text of the command, null once erased. */
  text: z.string().nullable(),
  textHash: z.string().nullable(),
  /** SHA-256 of the exact bytes that it is about (action, plan or output), erased with the text. */
  digest: z.string().nullable().optional(),
  previousHash: z.string(),
  hash: z.string(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

/** An entry as it is exported: with the salt, without which its text could not be checked. Null once the text is erased. */
export const AuditRecord = AuditEntry.extend({ salt: z.string().nullable() });
export type AuditRecord = z.infer<typeof AuditRecord>;

/**
 * A signed state of the log: it reaches to `seq`, whose entry has this hash. `signature` is Ed25519, base64url, over the UTF-8
 * bytes of `auditHeadContext` followed by the canonical JSON of {seq, hash, at}.
 */
export const AuditHead = z.object({ seq: z.number().int().positive(), hash: z.string(), at: Timestamp, publicKey: z.string(), signature: z.string() });
export type AuditHead = z.infer<typeof AuditHead>;

/** Keeps a signature under a head apart from everything else that the key signs. */
export const auditHeadContext = 'megabot-audit-head-v1\n';

/** One line of an export (JSON lines): entries in order, each signed head right after its entry, and an end, without which it was cut off. */
export const AuditLine = z.discriminatedUnion('type', [
  AuditRecord.extend({ type: z.literal('entry') }),
  AuditHead.extend({ type: z.literal('head') }),
  z.object({ type: z.literal('end'), entries: z.number().int().nonnegative() }),
]);
export type AuditLine = z.infer<typeof AuditLine>;

/** A page of an export as lines: each signed head right after the entry that it is about. */
export function auditLines(entries: readonly AuditRecord[], heads: readonly AuditHead[]): string {
  const signed = new Map(heads.map((head) => [head.seq, head]));
  let text = '';
  for (const entry of entries) {
    text += `${JSON.stringify({ type: 'entry', ...entry } satisfies AuditLine)}\n`;
    const head = signed.get(entry.seq);
    if (head) text += `${JSON.stringify({ type: 'head', ...head } satisfies AuditLine)}\n`;
  }
  return text;
}

/** The last line of an export. */
export const auditEndLine = (entries: number): string => `${JSON.stringify({ type: 'end', entries } satisfies AuditLine)}\n`;

export const AuditVerification = z.object({
  ok: z.boolean(),
  entries: z.number().int(),
  /** Where the log first differs from what was written. */
  firstBreak: z.object({ seq: z.number().int(), problem: z.string() }).nullable(),
  /** The last signed head that was checked: whoever cut the log or wrote it anew before this place would be found out. */
  signedTo: z.object({ seq: z.number().int(), at: Timestamp }).nullable().optional(),
});
export type AuditVerification = z.infer<typeof AuditVerification>;

/** Which texts to forget: those of a conversation, of one action, or all that are older than a moment. */
export const AuditForgetting = z.union([z.strictObject({ conversation: Id }), z.strictObject({ key: ActionKey }), z.strictObject({ before: Timestamp })]);
export type AuditForgetting = z.infer<typeof AuditForgetting>;
