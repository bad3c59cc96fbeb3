import { z } from 'zod';
import { Id, Timestamp } from './ids.ts';
import { Principal } from './principal.ts';

export const Risk = z.enum(['low', 'medium', 'high']);
export type Risk = z.infer<typeof Risk>;

export const ApprovalStatus = z.enum(['pending', 'approved', 'rejected', 'expired', 'cancelled']);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

export const Approval = z.object({
  id: Id,
  /** The shortest prefix (six characters or more) that was unambiguous among all approvals when this one was made. */
  shortId: z.string(),
  kind: z.enum(['shell', 'file_write']),
  /** Exactly what would run; for file writes, a listing of paths and contents. Invisible characters are escaped by who displays it. */
  command: z.string(),
  reasons: z.array(z.string()),
  risk: Risk,
  createdAt: Timestamp,
  expiresAt: Timestamp,
  conversation: Id,
  turnId: Id,
  requestedBy: Principal,
  cwd: z.string(),
  network: z.literal('none'),
  /** SHA-256 of the canonical plan that was shown. */
  planHash: z.string(),
  status: ApprovalStatus,
  decidedBy: Principal.optional(),
  decidedAt: Timestamp.optional(),
  reason: z.string().optional(),
  runId: Id.optional(),
});
export type Approval = z.infer<typeof Approval>;

export const Decision = z.enum(['approve', 'reject']);
export const ApprovalScope = z.enum(['once', 'conversation', 'always']);
