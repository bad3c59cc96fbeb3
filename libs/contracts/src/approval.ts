import { z } from 'zod';
import { ActionKind, RunLimits } from './action.ts';
import { Id, Timestamp } from './ids.ts';
import { NetworkGrant } from './network.ts';
import { JudgedPart } from './policy.ts';
import { Channel, Principal } from './principal.ts';

export const Risk = z.enum(['low', 'medium', 'high']);
export type Risk = z.infer<typeof Risk>;

export const ApprovalStatus = z.enum(['pending', 'approved', 'rejected', 'expired', 'cancelled']);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

export const Approval = z.object({
  id: Id,
  /** The shortest prefix (six characters or more) that was unambiguous among all approvals when this one was made. */
  shortId: z.string(),
  kind: ActionKind,
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
  /** What it is given on standard input. It is forgotten with the exact bytes of the action. */
  stdin: z.string().optional(),
  /** What of the internet it reaches. Nothing, unless the action asked for it. */
  network: NetworkGrant,
  /** The simple commands that were found in it, each with the rule that covers it or why none does. */
  parts: z.array(JudgedPart).optional(),
  /** What a person should notice before deciding: pipe to a shell, look-alike characters, … */
  warnings: z.array(z.string()).optional(),
  /** What of the machine it sees, in words; the conversation's workspace and nothing else, as a rule. */
  mounts: z.array(z.string()).optional(),
  limits: RunLimits.optional(),
  /** Unified diff against the workspace as it is, for changes of files. */
  diff: z.string().optional(),
  /** The approval that this one took the place of when a person edited it. */
  editedFrom: Id.optional(),
  /** SHA-256 of the canonical plan that was shown. */
  planHash: z.string(),
  status: ApprovalStatus,
  decidedBy: Principal.optional(),
  decidedAt: Timestamp.optional(),
  decidedChannel: Channel.optional(),
  /** Until when "allow for this conversation" holds, where that was the decision. */
  grantExpiresAt: Timestamp.optional(),
  reason: z.string().optional(),
  runId: Id.optional(),
});
export type Approval = z.infer<typeof Approval>;

export const Decision = z.enum(['approve', 'reject']);
export const ApprovalScope = z.enum(['once', 'conversation', 'always']);
/** Time-based one-time code (RFC 6238), six digits. */
export const OneTimeCode = z.string().regex(/^\d{6}$/);
