import type { Approval } from '@megabot/contracts/approval.ts';
import type { Conversation, Message, TurnStatus } from '@megabot/contracts/conversation.ts';
import type { PolicyView } from '@megabot/contracts/policy.ts';
import type { Run, RunStatus } from '@megabot/contracts/run.ts';
import type { OutputSegment } from '../text/output.ts';

/** A message as it is shown: `seq` is null until the list of the store has been read. */
export type ShownMessage = Omit<Message, 'seq'> & { readonly seq: number | null };

/**
 * An approval as a frame carries it; what only the HTTP route tells may be missing for a moment. Until `complete`, the
 * command may be a shortened one and must not be approved.
 */
export type ShownApproval = Pick<Approval, 'id' | 'shortId' | 'kind' | 'command' | 'reasons' | 'risk' | 'expiresAt' | 'conversation' | 'turnId' | 'status'> & Partial<Approval> & { readonly complete: boolean };

export interface ShownRun {
  readonly id: string;
  readonly turnId: string;
  readonly conversation: string;
  readonly segments: readonly OutputSegment[];
  /** From a status frame, or from HTTP; null before either. */
  readonly status: RunStatus | null;
  /** What the HTTP route last said of it. */
  readonly run: Run | null;
}

/** What a turn shows between the message and its answer, in the order it appeared. */
export type TurnItem = { readonly kind: 'text' } | { readonly kind: 'approval' | 'run'; readonly id: string };

export interface ShownTurn {
  readonly id: string;
  readonly conversation: string;
  readonly status: TurnStatus;
  /** The attempt that `parts` belong to; a higher one replaces them. */
  readonly attempt: number;
  /** Pieces of the streamed answer by their index. */
  readonly parts: Readonly<Record<number, string>>;
  readonly items: readonly TurnItem[];
}

/** A message on its way. `id` is its idempotency key and stays the same however often it is sent. */
export interface Outgoing {
  readonly id: string;
  readonly conversation: string;
  readonly text: string;
  readonly at: number;
  readonly state: 'sending' | 'failed';
  readonly problem: string | null;
}

export interface Notice {
  readonly id: number;
  readonly tone: 'information' | 'problem';
  readonly text: string;
  readonly hint: string;
}

export type Connection = 'connecting' | 'open' | 'lost';

export interface State {
  /** `unreachable`: the gateway did not answer yet, so it is not known. */
  readonly session: 'checking' | 'unreachable' | 'out' | 'in';
  /** Why the session could not be looked up, where the answer said. */
  readonly refusal: { readonly text: string; readonly hint: string } | null;
  readonly connection: Connection;
  readonly epoch: string | null;
  /** Highest `seq` seen; what a reconnecting client asks to resume from. */
  readonly seq: number;
  /** Frames at or below were had before this connection; those above are in `seen` once they came. */
  readonly floor: number;
  readonly seen: ReadonlySet<number>;
  /** Events up to here are asked for again by a fresh page, to rebuild what only they tell: live output and streamed text. */
  readonly replayUntil: number;
  readonly conversations: readonly Conversation[];
  readonly messages: Readonly<Record<string, readonly ShownMessage[]>>;
  /** Where earlier messages of a conversation go on; null when all are here. */
  readonly earlier: Readonly<Record<string, string | null>>;
  /** Conversations whose messages have been read. */
  readonly loaded: Readonly<Record<string, boolean>>;
  readonly turns: Readonly<Record<string, ShownTurn>>;
  readonly approvals: Readonly<Record<string, ShownApproval>>;
  readonly runs: Readonly<Record<string, ShownRun>>;
  readonly outbox: readonly Outgoing[];
  readonly notices: readonly Notice[];
  readonly policy: PolicyView | null;
}

export const emptyState: State = {
  session: 'checking', refusal: null,
   connection: 'connecting', epoch: null, seq: 0, floor: 0, seen: new Set(), replayUntil: 0, conversations: [], messages: {}, earlier: {}, loaded: {},
  turns: {}, approvals: {}, runs: {}, outbox: [], notices: [], policy: null,
};
