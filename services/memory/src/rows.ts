import type { BridgeAddress } from '@megabot/contracts/bridge-address.ts';
import type { Conversation, Message, Mode, Turn, TurnStatus } from '@megabot/contracts/conversation.ts';
import type { OriginTicket } from '@megabot/contracts/ticket.ts';

/** Rows as the database gives them, and what callers see of them. */
export interface ConversationRow {
  readonly id: string;
  readonly title: string;
  readonly mode: Mode;
  readonly created_at: Date;
  readonly updated_at: Date;
  /** The chat that it belongs to. */
  readonly address: BridgeAddress | null;
}

/** What a statement about `memory.conversations`, there called `c`, reads or returns: the row, and its chat by that table's unique index. */
export const conversationColumns = 'c.*, (SELECT b.address FROM memory.bridge_chats b WHERE b.conversation = c.id) AS address';

export interface TurnRow {
  readonly id: string;
  readonly place: number;
  readonly conversation: string;
  readonly message_id: string;
  readonly answer_id: string | null;
  readonly kind: Turn['kind'];
  readonly status: TurnStatus;
  readonly command: string | null;
  readonly ticket: OriginTicket;
  readonly checkpoint: Checkpoint;
  readonly attempt: number;
  readonly lapses: number;
  readonly lease: string | null;
  readonly lease_until: Date | null;
  readonly wake: boolean;
  readonly enqueued: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Whatever JSON the orchestrator saves; memory only keeps it. */
export type Checkpoint = null | string | number | boolean | Checkpoint[] | { [key: string]: Checkpoint };

export interface MessageRow {
  readonly id: string;
  readonly seq: number;
  readonly conversation: string;
  readonly turn_id: string;
  readonly role: Message['role'];
  readonly text: string;
  readonly principal: string | null;
  readonly created_at: Date;
}

export const toConversation = (row: ConversationRow): Conversation => ({
  id: row.id,
  title: row.title,
  mode: row.mode,
  createdAt: row.created_at.getTime(),
  updatedAt: row.updated_at.getTime(),
  ...(row.address === null ? {} : { messenger: row.address }),
});

export const toTurn = (row: TurnRow): Turn => ({
  id: row.id,
  conversation: row.conversation,
  messageId: row.message_id,
  kind: row.kind,
  status: row.status,
  attempt: row.attempt,
  createdAt: row.created_at.getTime(),
  updatedAt: row.updated_at.getTime(),
});

export const toMessage = (row: MessageRow): Message => ({
  id: row.id,
  seq: row.seq,
  conversation: row.conversation,
  turnId: row.turn_id,
  role: row.role,
  text: row.text,
  ...(row.principal === null ? {} : { principal: row.principal }),
  createdAt: row.created_at.getTime(),
});

/** A turn in one of these has its answer and never changes again. */
export const isEnded = (status: TurnStatus): boolean => status === 'done' || status === 'failed' || status === 'cancelled';
