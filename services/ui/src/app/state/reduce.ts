import type { Approval } from '@megabot/contracts/approval.ts';
import type { Conversation, Message, TurnStatus } from '@megabot/contracts/conversation.ts';
import type { ServerFrame, WelcomeFrame } from '@megabot/contracts/frames.ts';
import type { PolicyView } from '@megabot/contracts/policy.ts';
import type { Run } from '@megabot/contracts/run.ts';
import { reduceFrame } from './reduce-frame.ts';
import { endedTurn, patchTurn, upsertApproval, upsertRun, withMessages, withNotice } from './merge.ts';
import { emptyState, type Connection, type Outgoing, type State } from './state.ts';

export type Change =
  | { readonly kind: 'frame'; readonly frame: ServerFrame; readonly now: number }
  | { readonly kind: 'welcome'; readonly frame: WelcomeFrame }
  | { readonly kind: 'connection'; readonly connection: Connection }
  | { readonly kind: 'conversations'; readonly conversations: readonly Conversation[] }
  | { readonly kind: 'conversation'; readonly conversation: Conversation }
  | { readonly kind: 'messages'; readonly conversation: string; readonly messages: readonly Message[]; readonly earlier: string | null }
  | { readonly kind: 'turn'; readonly id: string; readonly conversation: string; readonly status: TurnStatus }
  | { readonly kind: 'approvals'; readonly approvals: readonly Approval[] }
  | { readonly kind: 'run'; readonly run: Run }
  | { readonly kind: 'policy'; readonly policy: PolicyView }
  | { readonly kind: 'outgoing'; readonly message: Outgoing }
  | { readonly kind: 'outgoing-failed'; readonly id: string; readonly problem: string }
  | { readonly kind: 'outgoing-dropped'; readonly id: string }
  | { readonly kind: 'stored'; readonly id: string; readonly messageId: string; readonly turnId: string; readonly now: number }
  | { readonly kind: 'notice'; readonly tone: 'information' | 'problem'; readonly text: string; readonly hint: string }
  | { readonly kind: 'notice-dismissed'; readonly id: number }
  | { readonly kind: 'session'; readonly session: State['session']; readonly refusal?: State['refusal'] };

/** The whole state of the app as a function of what came in: the one place where frames and HTTP answers meet. */
export function reduce(state: State, change: Change): State {
  switch (change.kind) {
    case 'frame':
      return reduceFrame(state, change.frame, change.now);
    case 'welcome':
      return welcomed(state, change.frame);
    case 'connection':
      return state.connection === change.connection ? state : { ...state, connection: change.connection };
    case 'conversations':
      return { ...state, conversations: sorted(change.conversations) };
    case 'conversation':
      return { ...state, conversations: sorted([...state.conversations.filter((other) => other.id !== change.conversation.id), change.conversation]) };
    case 'messages': {
      const next = withMessages(state, change.conversation, change.messages);
      return { ...next, earlier: { ...next.earlier, [change.conversation]: change.earlier }, loaded: { ...next.loaded, [change.conversation]: true } };
    }
    case 'turn':
      return patchTurn(state, change.id, change.conversation, (turn) => (endedTurn(turn.status) ? turn : { ...turn, status: change.status }));
    case 'approvals':
      return change.approvals.reduce((at, approval) => upsertApproval(at, { ...approval, complete: true }), state);
    case 'run':
      return upsertRun(state, change.run);
    case 'policy':
      return { ...state, policy: change.policy };
    case 'outgoing':
      return { ...state, outbox: [...state.outbox.filter((other) => other.id !== change.message.id), change.message] };
    case 'outgoing-failed':
      return { ...state, outbox: state.outbox.map((one) => (one.id === change.id ? { ...one, state: 'failed', problem: change.problem } : one)) };
    case 'outgoing-dropped':
      return { ...state, outbox: state.outbox.filter((one) => one.id !== change.id) };
    case 'stored':
      return reduceFrame(state, { type: 'accepted', id: change.id, messageId: change.messageId, turnId: change.turnId }, change.now);
    case 'notice':
      return withNotice(state, change.tone, change.text, change.hint);
    case 'notice-dismissed':
      return { ...state, notices: state.notices.filter((notice) => notice.id !== change.id) };
    case 'session':
      // What was read under a session goes with it; what was not sent yet stays.
      return change.session === 'out' ? { ...emptyState, session: 'out', outbox: state.outbox } : { ...state, session: change.session, refusal: change.refusal ?? null };
  }
}

const replayedEvents = 400;

// A server of another epoch numbers its events anew, so what was counted before says nothing any more. A fresh page begins a
// little before the present.
function welcomed(state: State, frame: WelcomeFrame): State {
  const same = state.epoch === frame.epoch;
  const seq = same ? state.seq : Math.max(0, frame.resumeFrom - replayedEvents);
  return { ...state, connection: 'open', epoch: frame.epoch, seq, floor: seq, seen: new Set(), replayUntil: same ? state.replayUntil : frame.resumeFrom };
}

const sorted = (conversations: readonly Conversation[]): readonly Conversation[] => conversations.toSorted((a, b) => b.updatedAt - a.updatedAt);
