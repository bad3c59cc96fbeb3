import { z } from 'zod';
import { BridgeAddress } from './bridge-address.ts';
import { Id, Timestamp } from './ids.ts';
import { Principal, Trust } from './principal.ts';
import { OriginTicket } from './ticket.ts';

export const Mode = z.enum(['plan', 'ask', 'build']);
export type Mode = z.infer<typeof Mode>;

export const Conversation = z.object({
  id: Id,
  title: z.string(),
  mode: Mode,
  createdAt: Timestamp,
  updatedAt: Timestamp,
  /** The chat of a messenger that it belongs to, as the bridge named it; absent for the owner's own. Whatever is in it may be forged there. */
  messenger: BridgeAddress.exactOptional(),
});
export type Conversation = z.infer<typeof Conversation>;

export const Message = z.object({
  id: Id,
  /** Grows with every message of the store; the cursor of lists. */
  seq: z.number().int().positive(),
  conversation: Id,
  turnId: Id,
  role: z.enum(['user', 'assistant']),
  text: z.string(),
  principal: Principal.optional(),
  createdAt: Timestamp,
});
export type Message = z.infer<typeof Message>;

export const MessageText = z.string().min(1).max(65_536);

/** `chat` is answered by the model, `run` executes one command that the person typed, `command` was answered by the gateway itself. */
export const TurnKind = z.enum(['chat', 'run', 'command']);
export const TurnStatus = z.enum(['queued', 'running', 'waiting', 'done', 'failed', 'cancelled']);
export type TurnStatus = z.infer<typeof TurnStatus>;

export const Turn = z.object({
  id: Id,
  conversation: Id,
  messageId: Id,
  kind: TurnKind,
  status: TurnStatus,
  attempt: z.number().int().nonnegative(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Turn = z.infer<typeof Turn>;

/** A turn handed to the orchestrator replica that claimed it. */
export const ClaimedTurn = z.object({
  id: Id,
  conversation: Id,
  kind: z.enum(['chat', 'run']),
  /** Grows with each claim; carried by deltas, so that a client knows which text replaces which. */
  attempt: z.number().int().positive(),
  mode: Mode,
  principal: Principal,
  trust: Trust,
  text: z.string(),
  /** The command of a `run` turn. */
  command: z.string().optional(),
  ticket: OriginTicket,
  /** What the orchestrator saved last, null at first. */
  checkpoint: z.json().nullable(),
});
export type ClaimedTurn = z.infer<typeof ClaimedTurn>;
