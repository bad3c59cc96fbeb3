import type { Message, TurnStatus } from '@megabot/contracts/conversation.ts';
import type { Run, RunStatus } from '@megabot/contracts/run.ts';
import type { ShownApproval, ShownMessage, ShownTurn, State, TurnItem } from './state.ts';

export const endedTurn = (status: TurnStatus): boolean => status === 'done' || status === 'failed' || status === 'cancelled';
/** As the contract's `isFinalRunStatus`; repeated because the contract's module would bring its schemas into the bundle. */
export const endedRun = (status: RunStatus): boolean => status !== 'due' && status !== 'running';

/** Merges messages by id, those of the store over those a frame announced, and keeps the store's order. */
export function withMessages(state: State, conversation: string, messages: readonly (Message | ShownMessage)[]): State {
  const byId = new Map((state.messages[conversation] ?? []).map((message) => [message.id, message]));
  for (const message of messages) {
    const known = byId.get(message.id);
    byId.set(message.id, known && message.seq === null ? { ...message, ...known } : message);
  }
  const ordered = [...byId.values()].toSorted((a, b) => (a.seq ?? Number.MAX_SAFE_INTEGER) - (b.seq ?? Number.MAX_SAFE_INTEGER) || a.createdAt - b.createdAt);
  const answered = messages.filter((message) => message.role === 'assistant');
  const next: State = { ...state, messages: { ...state.messages, [conversation]: ordered } };
  return answered.reduce(
    (at, message) => patchTurn(at, message.turnId, conversation, (turn) => ({ ...withoutText(turn), status: endedTurn(turn.status) ? turn.status : 'done' })),
    next,
  );
}

/** Changes a turn, which is made if this is the first word of it. */
export function patchTurn(state: State, id: string, conversation: string, patch: (turn: ShownTurn) => ShownTurn): State {
  const turn = state.turns[id] ?? { id, conversation, status: 'queued', attempt: 0, parts: {}, items: [] };
  const next = patch(turn);
  return next === state.turns[id] ? state : { ...state, turns: { ...state.turns, [id]: next } };
}

/** The streamed text goes once the stored answer is there. */
export const withoutText = (turn: ShownTurn): ShownTurn => ({ ...turn, parts: {}, items: turn.items.filter((item) => item.kind !== 'text') });

export function withItem(turn: ShownTurn, item: TurnItem): ShownTurn {
  const known = turn.items.some((other) => other.kind === item.kind && (other.kind === 'text' || item.kind === 'text' || other.id === item.id));
  return known ? turn : { ...turn, items: [...turn.items, item] };
}

/** Adds or completes an approval. A decision never becomes pending again, in whatever order the news arrives. */
export function upsertApproval(state: State, approval: ShownApproval): State {
  const known = state.approvals[approval.id];
  const merged = mergedApproval(known, approval);
  const next = { ...state, approvals: { ...state.approvals, [approval.id]: merged } };
  return patchTurn(next, approval.turnId, approval.conversation, (turn) => {
    const placed = withItem(turn, { kind: 'approval', id: approval.id });
    const withRun = merged.runId === undefined ? placed : withItem(placed, { kind: 'run', id: merged.runId });
    return merged.status === 'pending' && !endedTurn(withRun.status) ? { ...withRun, status: 'waiting' } : withRun;
  });
}

function mergedApproval(known: ShownApproval | undefined, news: ShownApproval): ShownApproval {
  if (!known) return news;
  if (known.status !== 'pending' && news.status === 'pending') return { ...news, ...known };
  // A frame may carry a shortened command; the whole one of the same plan stays.
  const shortened = known.complete && !news.complete && known.planHash === news.planHash;
  return { ...known, ...news, ...(shortened ? { command: known.command, complete: true } : {}) };
}

/**
 * Takes what HTTP says of a run. Its output replaces what was streamed only once the run is over and the two differ, since
 * the live pieces tell standard output and standard error apart.
 */
export function upsertRun(state: State, run: Run): State {
  const known = state.runs[run.id];
  if (known?.run && endedRun(known.run.status) && !endedRun(run.status)) return state;
  const live = known?.segments ?? [];
  const same = live.map((segment) => segment.text).join('') === run.output;
  const segments = !endedRun(run.status) || same ? live : run.output === '' ? [] : [{ stream: 'both' as const, text: run.output }];
  // An answer may be older than the frame that told of the end.
  const status = known?.status && endedRun(known.status) && !endedRun(run.status) ? known.status : run.status;
  const next = { ...state, runs: { ...state.runs, [run.id]: { id: run.id, turnId: run.turnId, conversation: run.conversation, segments, run, status } } };
  return patchTurn(next, run.turnId, run.conversation, (turn) => withItem(turn, { kind: 'run', id: run.id }));
}

/** The same sentence twice is one notice; only the newest few are kept. */
export function withNotice(state: State, tone: 'information' | 'problem', text: string, hint: string): State {
  const others = state.notices.filter((notice) => notice.text !== text);
  const id = state.notices.reduce((highest, notice) => Math.max(highest, notice.id), 0) + 1;
  return { ...state, notices: [...others, { id, tone, text, hint }].slice(-4) };
}
