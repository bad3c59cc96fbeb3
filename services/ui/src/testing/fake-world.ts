import { randomUUID } from 'node:crypto';
import type { Approval } from '@megabot/contracts/approval.ts';
import type { Conversation, Message, Turn, TurnStatus } from '@megabot/contracts/conversation.ts';
import type { ServerFrame } from '@megabot/contracts/frames.ts';
import type { Run } from '@megabot/contracts/run.ts';
import { guestOf } from '../app/text/principal-words.ts';
import { scriptedAnswers, seedMessages, seedTitles, type ApprovalSeed } from './fake-data.ts';

/** A frame before it has its place among the events. */
export type FakeEvent = ServerFrame extends infer Frame ? (Frame extends { seq: number } ? Omit<Frame, 'seq'> : never) : never;

export type FakeWorld = ReturnType<typeof createFakeWorld>;

/**
 * What stands behind the fake gateway: conversations, turns that answer by script, approvals and runs, all in memory.
 * `publish` gets every event with its place in the log.
 */
export function createFakeWorld(publish: (frame: ServerFrame) => void) {
  const conversations = new Map<string, Conversation>();
  const messages: Message[] = [];
  const turns = new Map<string, Turn>();
  const approvals = new Map<string, Approval>();
  const runs = new Map<string, Run>();
  const memory = new Map<string, string>();
  const log: ServerFrame[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let counter = 0;
  const newId = (kind: string) => `${kind}${(++counter).toString(36).padStart(3, '0')}${randomUUID().replaceAll('-', '').slice(0, 18)}`;

  const later = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };
  const emit = (event: FakeEvent): void => {
    const frame = { ...event, seq: log.length + 1 } as ServerFrame;
    log.push(frame);
    publish(frame);
  };
  const conversationOf = (id: string): Conversation => {
    const known = conversations.get(id) ?? { id, title: id === 'default' ? '' : 'New conversation', mode: 'ask', createdAt: Date.now(), updatedAt: Date.now() };
    conversations.set(id, known);
    return known;
  };
  const add = (conversation: string, turnId: string, role: 'user' | 'assistant', text: string, at = Date.now(), principal = 'owner'): Message => {
    const message: Message = { id: newId('m'), seq: messages.length + 1, conversation, turnId, role, text, principal, createdAt: at };
    messages.push(message);
    return message;
  };
  const addTurn = (id: string, conversation: string, status: TurnStatus, messageId = ''): Turn => {
    const turn: Turn = { id, conversation, messageId, kind: 'chat', status, attempt: 1, createdAt: Date.now(), updatedAt: Date.now() };
    turns.set(id, turn);
    return turn;
  };
  const isOver = (turn: Turn) => turn.status === 'done' || turn.status === 'failed' || turn.status === 'cancelled';

  function finish(turn: Turn, text: string, status: 'done' | 'failed' | 'cancelled' = 'done'): void {
    if (isOver(turn)) return;
    turn.status = status;
    const message = add(turn.conversation, turn.id, 'assistant', text);
    emit({ type: 'final', turnId: turn.id, messageId: message.id, text, conversation: turn.conversation, status });
  }
  function stream(turn: Turn, attempt: number, text: string, then: () => void): void {
    const pieces = text.match(/[\s\S]{1,9}/g) ?? [];
    pieces.forEach((piece, index) => {
      later(25 * index, () => {
        if (!isOver(turn)) emit({ type: 'delta', turnId: turn.id, attempt, index, text: piece, conversation: turn.conversation });
      });
    });
    later(25 * pieces.length + 30, then);
  }
  function ask(seed: ApprovalSeed): Approval {
    const conversation = seed.conversation ?? 'default';
    const turn = turns.get(seed.turnId ?? '') ?? addTurn(seed.turnId ?? newId('t'), conversation, 'waiting');
    turn.status = 'waiting';
    const id = seed.id ?? newId('a');
    const approval: Approval = {
      id, shortId: id.slice(0, 6), kind: seed.kind ?? 'shell', command: seed.command, reasons: seed.reasons, risk: seed.risk, createdAt: Date.now(),
      expiresAt: Date.now() + (seed.expiresInMs ?? 15 * 60_000), conversation, turnId: turn.id, requestedBy: 'owner', cwd: '/workspace', network: 'none', planHash: randomUUID(), status: 'pending', ...seed.more,
    };
    approvals.set(id, approval);
    emit({ type: 'approval', approval });
    return approval;
  }
  function execute(command: string, turn: Turn, then: () => void, ends: Partial<Run> = {}): Run {
    const { id: turnId, conversation } = turn;
    const run: Run = { id: newId('r'), conversation, turnId, command, status: 'running', exitCode: null, signal: null, output: '', truncated: false, driver: 'docker', detail: null, createdAt: Date.now(), startedAt: Date.now(), endedAt: null };
    runs.set(run.id, run);
    const print = (to: 'stdout' | 'stderr', chunk: string) => {
      run.output += chunk;
      emit({ type: 'run', runId: run.id, turnId, stream: to, chunk, conversation });
    };
    emit({ type: 'run', runId: run.id, turnId, stream: 'status', chunk: 'running docker', conversation });
    later(60, () => print('stdout', 'total 8\n\u001B[32mREADME.md\u001B[0m  src  package.json\n'));
    later(120, () => print('stderr', "ls: cannot open directory './private': Permission denied\n"));
    later(180, () => print('stdout', 'title: \u001B]0;owned\u0007 clear: \u001B[2J end\n'));
    later(260, () => {
      Object.assign(run, { status: 'exited', exitCode: 0, endedAt: Date.now(), ...ends });
      emit({ type: 'run', runId: run.id, turnId, stream: 'status', chunk: 'exited 0', conversation });
      then();
    });
    return run;
  }

  return {
    conversations, messages, turns, approvals, runs, memory, log, emit, ask, finish, conversationOf, newId,
    /** Stores a message and starts its scripted turn. */
    begin(conversation: string, text: string): { messageId: string; turnId: string } {
      conversationOf(conversation);
      const turn = addTurn(newId('t'), conversation, 'running');
      turn.messageId = add(conversation, turn.id, 'user', text).id;
      const word = Object.keys(scriptedAnswers).find((one) => text.includes(one)) ?? 'stream';
      const script = scriptedAnswers[word] ?? {};
      const says = script.text ?? '';
      later(60, () => {
        if (script.run !== undefined) execute(script.run, turn, () => finish(turn, says), script.ends);
        else if (script.fail) finish(turn, says, 'failed');
        else stream(turn, 1, says, () => {
          if (script.ask) ask({ ...script.ask, conversation, turnId: turn.id });
          else if (!script.never) finish(turn, says);
        });
      });
      return { messageId: turn.messageId, turnId: turn.id };
    },
    /** As if somebody behind a messenger had written, and had been answered. Gives the turn. */
    hear(conversation: string, title: string, principal: string, text: string, answer?: string): Turn {
      const guest = guestOf(principal);
      conversations.set(conversation, { ...conversationOf(conversation), title, ...(guest && { messenger: { platform: guest.platform, account: guest.account, kind: 'direct', chat: guest.sender } }) });
      const turn = addTurn(newId('t'), conversation, 'running');
      turn.messageId = add(conversation, turn.id, 'user', text, Date.now(), principal).id;
      if (answer !== undefined) finish(turn, answer);
      return turn;
    },
    /** Records a decision and carries it out. */
    decide(approval: Approval, decision: 'approve' | 'reject', by = 'owner', reason?: string): void {
      Object.assign(approval, { status: decision === 'approve' ? 'approved' : 'rejected', decidedBy: by, decidedAt: Date.now(), ...(reason === undefined ? {} : { reason }) });
      const { turnId, conversation } = approval;
      const turn = turns.get(turnId) ?? addTurn(turnId, conversation, 'running');
      turn.status = 'running';
      emit({ type: 'decided', approvalId: approval.id, status: approval.status, by, turnId, conversation });
      if (decision === 'approve') approval.runId = execute(approval.command, turn, () => later(60, () => stream(turn, 2, 'It ran.', () => finish(turn, 'It ran, and the folder is listed above.')))).id;
      else later(80, () => finish(turn, 'Understood, I will not run it.'));
    },
    /** Another command takes its place. */
    end(approval: Approval): void {
      approval.status = 'cancelled';
      emit({ type: 'decided', approvalId: approval.id, status: 'cancelled', by: 'owner', turnId: approval.turnId, conversation: approval.conversation });
    },
    /** Fills in conversations that were there before. */
    seed(): void {
      for (const [id, title] of seedTitles) conversations.set(id, { ...conversationOf(id), title });
      for (const [turnId, role, text] of seedMessages) {
        addTurn(turnId, 'default', 'done');
        add('default', turnId, role, text, Date.now() - 3_600_000);
      }
      memory.set('seed', 'The backup disk is the grey one.');
    },
    stop(): void {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
