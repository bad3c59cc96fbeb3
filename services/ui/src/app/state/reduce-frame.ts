import type { ServerFrame } from '@megabot/contracts/frames.ts';
import { appendOutput } from '../text/output.ts';
import type { RunStatus } from '@megabot/contracts/run.ts';
import { endedRun, endedTurn, patchTurn, upsertApproval, withItem, withMessages, withNotice, withoutText } from './merge.ts';
import type { ShownApproval, ShownMessage, ShownTurn, State } from './state.ts';

/** Applies one frame. A frame that was had before (after a reconnect) changes nothing; order is not relied upon. */
export function reduceFrame(state: State, frame: ServerFrame, now: number): State {
  if ('seq' in frame) {
    if (frame.seq <= state.floor || state.seen.has(frame.seq)) return state;
    state = noted(state, frame.seq);
  }
  switch (frame.type) {
    case 'accepted':
      return accepted(state, frame, now);
    case 'delta':
      return patchTurn(state, frame.turnId, frame.conversation, (turn) => withDelta(turn, frame.attempt, frame.index, frame.text));
    case 'approval':
      return upsertApproval(state, asPending(frame.approval, now));
    case 'decided': {
      const known = state.approvals[frame.approvalId];
      const decided = known ? upsertApproval(state, { ...known, status: frame.status, ...(frame.by === 'system' ? {} : { decidedBy: frame.by }), decidedAt: known.decidedAt ?? now }) : state;
      return patchTurn(decided, frame.turnId, frame.conversation, (turn) => (turn.status === 'waiting' ? { ...turn, status: 'running' } : turn));
    }
    case 'run':
      return withChunk(state, frame);
    case 'final': {
      const message: ShownMessage = { id: frame.messageId, seq: null, conversation: frame.conversation, turnId: frame.turnId, role: 'assistant', text: frame.text, createdAt: now };
      const ended = patchTurn(state, frame.turnId, frame.conversation, (turn) => ({ ...withoutText(turn), status: frame.status }));
      // Stored long ago, perhaps before the oldest message on the page: its place is what HTTP says.
      return frame.text === '' || frame.seq <= state.replayUntil ? ended : withMessages(ended, frame.conversation, [message]);
    }
    case 'error': {
      const refused = state.outbox.some((one) => one.id === frame.ref);
      if (!refused) return frame.code === 'resume_gap' ? state : withNotice(state, 'problem', frame.message, frame.hint);
      return { ...state, outbox: state.outbox.map((one) => (one.id === frame.ref ? { ...one, state: 'failed', problem: `${frame.message} ${frame.hint}`.trim() } : one)) };
    }
    case 'notice':
      return frame.seq <= state.replayUntil ? state : withNotice(state, 'information', frame.text, '');
    case 'pong':
      return state;
  }
}

const mostSeen = 256;

function noted(state: State, seq: number): State {
  const seen = new Set(state.seen).add(seq);
  const oldest = seen.size > mostSeen ? Math.min(...seen) : state.floor;
  if (seen.size > mostSeen) seen.delete(oldest);
  return { ...state, seq: Math.max(state.seq, seq), seen, floor: Math.max(state.floor, oldest) };
}

function accepted(state: State, frame: Extract<ServerFrame, { type: 'accepted' }>, now: number): State {
  const sent = state.outbox.find((one) => one.id === frame.id);
  if (!sent) return state;
  const message: ShownMessage = { id: frame.messageId, seq: null, conversation: sent.conversation, turnId: frame.turnId, role: 'user', text: sent.text, createdAt: now };
  const next = withMessages({ ...state, outbox: state.outbox.filter((one) => one !== sent) }, sent.conversation, [message]);
  return patchTurn(next, frame.turnId, sent.conversation, (turn) => turn);
}

function withDelta(turn: ShownTurn, attempt: number, index: number, text: string): ShownTurn {
  if (attempt < turn.attempt || endedTurn(turn.status)) return turn;
  if (attempt === turn.attempt) return { ...withItem(turn, { kind: 'text' }), status: 'running', parts: { ...turn.parts, [index]: text } };
  // A new attempt starts where the turn stands now: below whatever it has already asked for and run.
  return { ...withItem(withoutText(turn), { kind: 'text' }), status: 'running', attempt, parts: { [index]: text } };
}

/** The streamed answer so far; a piece that is missing (the page was opened midway) shows as an ellipsis. */
export function streamedText(turn: ShownTurn): string {
  const indexes = Object.keys(turn.parts).map(Number).toSorted((a, b) => a - b);
  let text = '';
  let expected = indexes[0] ?? 0;
  if (expected > 0) text = '… ';
  for (const index of indexes) {
    if (index !== expected) text += ' … ';
    text += turn.parts[index] ?? '';
    expected = index + 1;
  }
  return text;
}

function withChunk(state: State, frame: Extract<ServerFrame, { type: 'run' }>): State {
  const known = state.runs[frame.runId] ?? { id: frame.runId, turnId: frame.turnId, conversation: frame.conversation, segments: [], status: null, run: null };
  // What HTTP told of an ended run is all of its output; a replayed piece of it would show twice.
  const complete = known.run !== null && endedRun(known.run.status);
  const segments = complete || frame.stream === 'status' ? known.segments : appendOutput(known.segments, frame.stream, frame.chunk);
  const run = frame.stream === 'status' ? { ...known, status: statusWord(frame.chunk) ?? known.status } : { ...known, segments };
  const next = { ...state, runs: { ...state.runs, [frame.runId]: run } };
  return patchTurn(next, frame.turnId, frame.conversation, (turn) => withItem(turn, { kind: 'run', id: frame.runId }));
}

const runStatuses: Readonly<Record<RunStatus, true>> = {
  due: true, running: true, exited: true, signalled: true, timeout: true, oom: true, cancelled: true, killed_by_lockdown: true,
  interrupted: true, refused: true, expired: true, engine_failure: true,
};

// The first word of a status chunk is the status; what follows is for people.
function statusWord(chunk: string): RunStatus | null {
  const word = chunk.split(' ', 1)[0] ?? '';
  return Object.hasOwn(runStatuses, word) ? (word as RunStatus) : null;
}

/** The gateway shortens a command beyond 100,000 characters in a frame. */
const longestCommandOfFrame = 90_000;

// The frame of an approval may carry its status when it is sent again; without one it is news, hence pending.
function asPending(card: Extract<ServerFrame, { type: 'approval' }>['approval'], now: number): ShownApproval {
  const extra = card as typeof card & Partial<ShownApproval>;
  return { createdAt: now, ...extra, status: extra.status ?? 'pending', complete: card.command.length < longestCommandOfFrame && extra.cwd !== undefined };
}
