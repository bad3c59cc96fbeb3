import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message } from '@megabot/contracts/conversation.ts';
import type { ServerFrame } from '@megabot/contracts/frames.ts';
import type { Run } from '@megabot/contracts/run.ts';
import { streamedText } from './reduce-frame.ts';
import { reduce, type Change } from './reduce.ts';
import { isTalk, openTurn, pendingApprovals, transcript } from './selectors.ts';
import { emptyState, type State } from './state.ts';

const conversation = 'default';
const turnId = 'turn1';
const now = 1_000;
const apply = (state: State, ...changes: Change[]) => changes.reduce(reduce, state);
const frame = (value: ServerFrame): Change => ({ kind: 'frame', frame: value, now });
const delta = (seq: number, attempt: number, index: number, text: string) => frame({ type: 'delta', seq, turnId, attempt, index, text, conversation });
const card = { id: 'approval1', shortId: 'approv', kind: 'shell' as const, command: 'rm -r build', reasons: ['asks'], risk: 'medium' as const, expiresAt: 9_000, conversation, turnId, cwd: '/workspace' };
const approval = (seq: number) => frame({ type: 'approval', seq, approval: card });
const chunk = (seq: number, stream: 'stdout' | 'stderr' | 'status', text: string) => frame({ type: 'run', seq, runId: 'run1', turnId, stream, chunk: text, conversation });
const welcome = (epoch: string, resumeFrom: number): Change => ({ kind: 'welcome', frame: { type: 'welcome', connection: 'c', principal: 'owner', epoch, resumeFrom } });
const message = (id: string, seq: number, role: 'user' | 'assistant', turn = turnId): Message => ({ id, seq, conversation, turnId: turn, role, text: id, createdAt: seq });
const textOf = (state: State) => {
  const turn = state.turns[turnId];
  return turn ? streamedText(turn) : null;
};

describe('streaming', () => {
  it('joins pieces by their index, whatever order they come in', () => {
    assert.equal(textOf(apply(emptyState, delta(1, 1, 0, 'a'), delta(3, 1, 2, 'c'), delta(2, 1, 1, 'b'))), 'abc');
  });
  it('replaces the text when a higher attempt begins, and ignores a lower one', () => {
    const state = apply(emptyState, delta(1, 1, 0, 'old'), delta(2, 2, 0, 'new'), delta(3, 1, 1, 'late'));
    assert.equal(textOf(state), 'new');
  });
  it('says where a piece is missing', () => {
    assert.equal(textOf(apply(emptyState, delta(1, 1, 4, 'x'), delta(2, 1, 6, 'z'))), '… x … z');
  });
  it('drops the streamed text for the stored answer', () => {
    const state = apply(emptyState, delta(1, 1, 0, 'half'), frame({ type: 'final', seq: 2, turnId, messageId: 'm2', text: 'whole', conversation, status: 'done' }), delta(3, 1, 1, 'late'));
    assert.equal(textOf(state), '');
    assert.deepEqual(state.messages[conversation]?.map((one) => one.text), ['whole']);
    assert.equal(state.turns[turnId]?.status, 'done');
  });
  it('starts the text of a new attempt below the approval that the turn waited for', () => {
    const state = apply(emptyState, delta(1, 1, 0, 'May I?'), approval(2), delta(3, 2, 0, 'Done.'));
    assert.deepEqual(state.turns[turnId]?.items, [{ kind: 'approval', id: 'approval1' }, { kind: 'text' }]);
  });
});

describe('a reconnect loses nothing and doubles nothing', () => {
  it('ignores a frame that was had before', () => {
    const first = apply(emptyState, welcome('e', 0), chunk(1, 'stdout', 'a'), chunk(1, 'stdout', 'a'));
    const again = apply(first, welcome('e', 5), chunk(1, 'stdout', 'a'), chunk(2, 'stdout', 'b'));
    assert.deepEqual(again.runs['run1']?.segments, [{ stream: 'stdout', text: 'ab' }]);
    assert.equal(again.seq, 2);
  });
  it('takes a resumed frame although a newer one came first', () => {
    const state = apply(emptyState, welcome('e', 0), delta(9, 1, 1, 'b'), delta(8, 1, 0, 'a'));
    assert.equal(textOf(state), 'ab');
    assert.equal(state.seq, 9);
  });
  it('takes a fresh page’s replay for live output, not for old answers and notices', () => {
    const old = frame({ type: 'final', seq: 3, turnId: 'turn0', messageId: 'm0', text: 'old', conversation, status: 'done' });
    const state = apply(emptyState, welcome('e', 5), chunk(1, 'stdout', 'a'), frame({ type: 'notice', seq: 2, text: 'old news' }), old, frame({ type: 'notice', seq: 6, text: 'news' }));
    assert.deepEqual(state.runs['run1']?.segments, [{ stream: 'stdout', text: 'a' }]);
    assert.deepEqual(state.notices.map((notice) => notice.text), ['news']);
    assert.deepEqual([state.messages[conversation], state.turns['turn0']?.status], [undefined, 'done']);
  });
  it('goes on from the server’s place when its epoch is another one', () => {
    const state = apply(emptyState, welcome('e', 50), welcome('f', 3), delta(4, 1, 0, 'fresh'));
    assert.equal(textOf(state), 'fresh');
  });
  it('remembers a bounded number of frames, and still none of them twice', () => {
    let state = apply(emptyState, welcome('e', 0));
    for (let seq = 1; seq <= 600; seq++) state = apply(state, chunk(seq, 'stdout', '.'));
    assert.ok(state.seen.size <= 256);
    assert.equal(apply(state, chunk(1, 'stdout', '.'), chunk(599, 'stdout', '.')), state);
  });
});

describe('messages on their way', () => {
  const outgoing: Change = { kind: 'outgoing', message: { id: 'uuid', conversation, text: 'hello', at: now, state: 'sending', problem: null } };
  const accepted = frame({ type: 'accepted', id: 'uuid', messageId: 'm1', turnId });
  it('become messages once they are stored, and only once', () => {
    const state = apply(emptyState, outgoing, accepted, accepted);
    assert.equal(state.outbox.length, 0);
    assert.deepEqual(state.messages[conversation]?.map((one) => one.text), ['hello']);
    assert.equal(openTurn(state, conversation)?.id, turnId);
  });
  it('stay, with the reason, when they are refused', () => {
    const state = apply(emptyState, outgoing, frame({ type: 'error', code: 'unavailable', message: 'Memory is away.', hint: 'Try again.', ref: 'uuid' }));
    assert.deepEqual(state.outbox.map((one) => [one.state, one.text, one.problem]), [['failed', 'hello', 'Memory is away. Try again.']]);
    assert.equal(state.notices.length, 0);
  });
  it('survive the end of a session', () => {
    assert.equal(apply(emptyState, outgoing, { kind: 'session', session: 'out' }).outbox.length, 1);
  });
  it('find their place once the list of the store is read', () => {
    const state = apply(emptyState, outgoing, accepted, { kind: 'messages', conversation, messages: [message('m0', 1, 'user', 'turn0'), message('m1', 2, 'user'), message('m2', 3, 'assistant')], earlier: null });
    assert.deepEqual(transcript(state, conversation).map((group) => [group.turnId, group.asked.length, group.answers.length]), [['turn0', 1, 0], [turnId, 1, 1]]);
    assert.equal(openTurn(state, conversation)?.id, undefined);
  });
});

describe('approvals', () => {
  const decided = frame({ type: 'decided', seq: 7, approvalId: 'approval1', status: 'approved', by: 'device:phone', turnId, conversation });
  it('wait, and make their turn wait', () => {
    const state = apply(emptyState, approval(1));
    assert.deepEqual(pendingApprovals(state).map((one) => one.id), ['approval1']);
    assert.equal(state.turns[turnId]?.status, 'waiting');
  });
  it('once decided are never pending again, in whatever order the news arrives', () => {
    const state = apply(emptyState, approval(1), decided, approval(8));
    assert.deepEqual(pendingApprovals(state), []);
    assert.equal(state.approvals['approval1']?.decidedBy, 'device:phone');
    assert.equal(state.turns[turnId]?.status, 'running');
  });
  it('keep the whole command when a shortened one comes after it', () => {
    const whole = { ...card, command: 'x'.repeat(200_000), status: 'pending' as const, createdAt: 1, requestedBy: 'owner', network: 'none' as const, planHash: 'h' };
    const shortened = frame({ type: 'approval', seq: 2, approval: { ...card, planHash: 'h', command: 'x'.repeat(100_000) } });
    assert.equal(apply(emptyState, shortened).approvals['approval1']?.complete, false);
    const state = apply(emptyState, { kind: 'approvals', approvals: [whole] }, shortened);
    assert.equal(state.approvals['approval1']?.command.length, 200_000);
    assert.equal(state.approvals['approval1']?.complete, true);
  });
});

describe('runs', () => {
  const run: Run = { id: 'run1', conversation, turnId, command: 'ls', status: 'exited', exitCode: 0, signal: null, output: 'ab', truncated: false, driver: 'docker', detail: null, createdAt: 1, startedAt: 1, endedAt: 2 };
  it('keep the live pieces, which know their stream, where they are all there', () => {
    const state = apply(emptyState, chunk(1, 'stdout', 'a'), chunk(2, 'stderr', 'b'), chunk(3, 'status', 'exited 0'), { kind: 'run', run });
    assert.deepEqual(state.runs['run1']?.segments, [{ stream: 'stdout', text: 'a' }, { stream: 'stderr', text: 'b' }]);
    assert.equal(state.runs['run1']?.status, 'exited');
  });
  it('show the stored output where live pieces are missing', () => {
    assert.deepEqual(apply(emptyState, chunk(2, 'stderr', 'b'), { kind: 'run', run }).runs['run1']?.segments, [{ stream: 'both', text: 'ab' }]);
  });
  it('do not go back from ended to running', () => {
    const state = apply(emptyState, { kind: 'run', run }, { kind: 'run', run: { ...run, status: 'running', output: '' } });
    assert.equal(state.runs['run1']?.status, 'exited');
    const late = apply(emptyState, chunk(1, 'status', 'exited 0'), { kind: 'run', run: { ...run, status: 'running', output: '' } });
    assert.equal(late.runs['run1']?.status, 'exited', 'nor where the frame that told of the end came first');
  });
});

describe('notices', () => {
  it('are shown once each, the newest few', () => {
    let state: State = emptyState;
    for (const text of ['a', 'b', 'a', 'c', 'd', 'e']) state = apply(state, { kind: 'notice', tone: 'information', text, hint: '' });
    assert.deepEqual(state.notices.map((notice) => notice.text), ['a', 'c', 'd', 'e']);
  });
});

it('a command that was proposed over HTTP shows its run and waits for no answer', () => {
  const state = apply(emptyState, chunk(1, 'status', 'exited 0'));
  const [group] = transcript(state, conversation);
  assert.ok(group);
  assert.deepEqual([group.turn?.items, isTalk(group), openTurn(state, conversation)], [[{ kind: 'run', id: 'run1' }], false, null]);
});
