import type { ShownApproval, ShownMessage, ShownTurn, State } from './state.ts';
import { endedTurn } from './merge.ts';

/** One turn of a transcript: what was asked, what happened, what was answered. */
export interface TranscriptGroup {
  readonly turnId: string;
  readonly asked: readonly ShownMessage[];
  readonly turn: ShownTurn | null;
  readonly answers: readonly ShownMessage[];
}

/** The messages of a conversation by turn, in the order of the store; turns without a stored message yet come last. */
export function transcript(state: State, conversation: string): readonly TranscriptGroup[] {
  const messages = state.messages[conversation] ?? [];
  const order: string[] = [];
  const asked = new Map<string, ShownMessage[]>();
  const answers = new Map<string, ShownMessage[]>();
  for (const message of messages) {
    if (!asked.has(message.turnId)) {
      order.push(message.turnId);
      asked.set(message.turnId, []);
      answers.set(message.turnId, []);
    }
    (message.role === 'user' ? asked : answers).get(message.turnId)?.push(message);
  }
  // A turn of earlier messages that are not loaded is left where it is: above what can be seen.
  for (const turn of Object.values(state.turns)) {
    if (turn.conversation === conversation && !asked.has(turn.id) && !endedTurn(turn.status)) order.push(turn.id);
  }
  return order.map((turnId) => ({ turnId, asked: asked.get(turnId) ?? [], turn: state.turns[turnId] ?? null, answers: answers.get(turnId) ?? [] }));
}

/** Pending approvals of all conversations, those that expire first in front. */
export const pendingApprovals = (state: State): readonly ShownApproval[] =>
  Object.values(state.approvals)
    .filter((approval) => approval.status === 'pending')
    .toSorted((a, b) => a.expiresAt - b.expiresAt);

/** The turn of a conversation that is being worked on or waits, the newest first. */
export function openTurn(state: State, conversation: string): ShownTurn | null {
  const groups = transcript(state, conversation);
  return groups.findLast((group) => group.turn && isTalk(group) && !endedTurn(group.turn.status) && group.answers.length === 0)?.turn ?? null;
}

/**
 * Whether an answer is to come: a command that was proposed over HTTP has an approval and a run, and no message to answer.
 */
export const isTalk = (group: TranscriptGroup): boolean => group.asked.length > 0 || (group.turn?.items.some((item) => item.kind === 'text') ?? false);

/** Whether a turn stands still until somebody decides, whatever its status was last said to be. */
export const waits = (state: State, turn: ShownTurn): boolean => turn.items.some((item) => item.kind === 'approval' && state.approvals[item.id]?.status === 'pending');
