import { z } from 'zod';
import { Approval, ApprovalStatus } from './approval.ts';
import { MessageText } from './conversation.ts';
import { Id, IdPrefix, Timestamp } from './ids.ts';
import { OutputStream } from './run.ts';

/** Public protocol 1 of the native WebSocket and of the UI's socket. Fields may be added, never changed. */
export const protocolVersion = 1;

const Base64Url = z.string().regex(/^[A-Za-z0-9_-]+$/);

export const HelloFrame = z.object({
  type: z.literal('hello'),
  protocol: z.literal(1),
  server: z.string(),
  time: Timestamp,
  nonce: Base64Url,
  encryption: z.object({ required: z.boolean(), kdf: z.literal('pbkdf2-sha256'), iterations: z.literal(100_000), salt: Base64Url }),
});

export const AuthFrame = z.object({
  type: z.literal('auth'),
  protocol: z.literal(1),
  nonce: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in unpadded base64url'),
  proof: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in unpadded base64url'),
  client: z.object({ name: z.string().max(128), version: z.string().max(64) }).optional(),
});

export const WelcomeFrame = z.object({
  type: z.literal('welcome'),
  connection: Id,
  principal: z.string(),
  epoch: z.string(),
  resumeFrom: z.number().int().nonnegative(),
  /** Proves that the server knows the token; absent on the UI's socket, where the cookie and TLS stand for it. */
  proof: Base64Url.optional(),
});

export const Attachment = z.object({ name: z.string().max(255), mediaType: z.string().max(128), data: z.string() });

/** What a client may send once it is welcome. */
export const ClientFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message'), id: z.uuid(), conversation: Id.default('default'), text: MessageText, attachments: z.array(Attachment).max(0, 'attachments are not supported yet').optional() }),
  z.object({ type: z.literal('decide'), approvalId: IdPrefix, decision: z.enum(['approve', 'reject']), reason: z.string().max(1_000).optional() }),
  z.object({ type: z.literal('cancel'), turnId: Id }),
  z.object({ type: z.literal('resume'), since: z.number().int().nonnegative(), epoch: z.string().max(128) }),
  z.object({ type: z.literal('ping') }),
]);
export type ClientFrame = z.infer<typeof ClientFrame>;

const seq = z.number().int().positive();

/** The approval as a frame carries it. */
export const ApprovalCard = Approval.pick({ id: true, shortId: true, kind: true, command: true, reasons: true, risk: true, expiresAt: true, conversation: true, turnId: true }).loose();

export const ServerFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('accepted'), id: z.string(), messageId: Id, turnId: Id }),
  z.object({ type: z.literal('delta'), seq, turnId: Id, attempt: z.number().int(), index: z.number().int(), text: z.string(), conversation: Id }),
  z.object({ type: z.literal('approval'), seq, approval: ApprovalCard }),
  z.object({ type: z.literal('decided'), seq, approvalId: Id, status: ApprovalStatus, by: z.string(), turnId: Id, conversation: Id }),
  z.object({ type: z.literal('run'), seq, runId: Id, turnId: Id, stream: z.union([OutputStream, z.literal('status')]), chunk: z.string(), conversation: Id }),
  z.object({ type: z.literal('final'), seq, turnId: Id, messageId: Id, text: z.string(), conversation: Id, status: z.enum(['done', 'failed', 'cancelled']) }),
  z.object({ type: z.literal('error'), code: z.string(), message: z.string(), hint: z.string(), ref: z.string().optional() }),
  z.object({ type: z.literal('notice'), seq, text: z.string() }),
  z.object({ type: z.literal('pong') }),
]);
export type ServerFrame = z.infer<typeof ServerFrame>;
export type WelcomeFrame = z.infer<typeof WelcomeFrame>;
export type HelloFrame = z.infer<typeof HelloFrame>;
export type AuthFrame = z.infer<typeof AuthFrame>;
