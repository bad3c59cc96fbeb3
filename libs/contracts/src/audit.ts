import { z } from 'zod';
import { Timestamp } from './ids.ts';

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
  previousHash: z.string(),
  hash: z.string(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
