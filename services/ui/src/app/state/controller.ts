import type { ServerFrame, WelcomeFrame } from '@megabot/contracts/frames.ts';
import { ApiProblem, createApi, type Api, type EditedApproval, type Scope } from '../wire/api.ts';
import { openSocket, type Socket } from '../wire/socket.ts';
import { forgetTyped, keepOutbox } from './keep.ts';
import { endedRun } from './merge.ts';
import { openTurn } from './selectors.ts';
import type { Outgoing } from './state.ts';
import type { Store } from './store.ts';
import { uuid } from './uuid.ts';

const acceptMs = 15_000;
const policyEveryMs = 60_000;

export type Controller = ReturnType<typeof createController>;

/**
 * Joins the socket, the HTTP routes and the store: what the page says happens here, what the server says ends up in the
 * store. Everything a person asks for resolves with null, or with the problem to show beside what they asked.
 */
export function createController(store: Store) {
  let socket: Socket | undefined;
  let open = 'default';
  let policyTimer: ReturnType<typeof setInterval> | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const deadlines = new Map<string, ReturnType<typeof setTimeout>>();
  const asking = new Set<string>();
  const api: Api = createApi({ fetch: (...input) => fetch(...input), now: () => Date.now(), onUnauthorised: () => leave() });

  /** Reads in the background: a failure is not news, because the connection's state and the next reading tell it. */
  const quietly = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => {
      if (!(error instanceof ApiProblem)) reportError(error);
    });
  };
  const once = async (key: string, work: () => Promise<void>): Promise<void> => {
    if (asking.has(key)) return;
    asking.add(key);
    try {
      await work();
    } finally {
      asking.delete(key);
    }
  };

  async function readConversations(): Promise<void> {
    store.apply({ kind: 'conversations', conversations: await api.conversations() });
  }
  async function readPolicy(): Promise<void> {
    store.apply({ kind: 'policy', policy: (await api.policy()).view });
  }
  async function readApprovals(): Promise<void> {
    store.apply({ kind: 'approvals', approvals: await api.approvals() });
    const { approvals, runs } = store.get();
    const approved = Object.values(approvals).flatMap((approval) => (approval.conversation === open && approval.runId !== undefined ? [approval.runId] : []));
    const seen = Object.values(runs).flatMap((run) => (run.conversation === open ? [run.id] : []));
    for (const id of [...new Set([...approved, ...seen])].slice(-30)) if (!runs[id]?.run) await readRun(id);
  }
  const readApproval = (id: string) => once(`approval ${id}`, async () => store.apply({ kind: 'approvals', approvals: [await api.approval(id)] }));
  const readRun = (id: string) =>
    once(`run ${id}`, async () => {
      store.apply({ kind: 'run', run: await api.run(id) });
      // Whoever asked while this was under way was turned down, so an end that came meanwhile is read here.
      const shown = store.get().runs[id];
      if (shown?.status && endedRun(shown.status) && !(shown.run && endedRun(shown.run.status))) store.apply({ kind: 'run', run: await api.run(id) });
    });

  async function readMessages(conversation: string): Promise<void> {
    const page = await api.messages(conversation).catch((error: unknown) => {
      // The default conversation comes to be with its first message.
      if (error instanceof ApiProblem && error.status === 404 && conversation === 'default') return { messages: [], nextCursor: null };
      throw error;
    });
    // Where the page meets what is shown, the earlier ones are here already; where it does not, the gap begins at its cursor.
    const { loaded, earlier, messages } = store.get();
    const known = new Set(messages[conversation]?.flatMap((message) => (message.seq === null ? [] : [message.id])));
    const meets = loaded[conversation] === true && (known.size === 0 || page.messages.some((message) => known.has(message.id)));
    store.apply({ kind: 'messages', conversation, messages: page.messages, earlier: meets ? (earlier[conversation] ?? null) : page.nextCursor });
    const unanswered = page.messages.findLast((message) => message.role === 'user' && !page.messages.some((other) => other.role === 'assistant' && other.turnId === message.turnId));
    if (!unanswered) return;
    const turn = await api.turn(unanswered.turnId);
    store.apply({ kind: 'turn', id: turn.id, conversation: turn.conversation, status: turn.status });
  }

  /** After every connection: what the socket could not tell, or no longer can, is read again. */
  const readAll = () => {
    quietly(readConversations());
    quietly(readMessages(open));
    quietly(readApprovals());
    quietly(readPolicy());
  };

  function onWelcome(frame: WelcomeFrame): void {
    store.apply({ kind: 'welcome', frame });
    // The first frame: the gateway holds live events for a moment so that the older ones come before them.
    socket?.send({ type: 'resume', since: store.get().seq, epoch: frame.epoch });
    readAll();
    for (const message of store.get().outbox) if (message.state === 'sending') transmit(message);
  }

  function onFrame(frame: ServerFrame): void {
    store.apply({ kind: 'frame', frame, now: api.serverNow() });
    const state = store.get();
    // The lists that are read at the same time know better than a replay.
    const replayed = 'seq' in frame && frame.seq <= state.replayUntil;
    switch (frame.type) {
      case 'accepted':
        clearDeadline(frame.id);
        keepOutbox(state.outbox);
        if (!state.conversations.some((conversation) => conversation.id === open)) quietly(readConversations());
        break;
      case 'delta':
      case 'final':
        // A turn that another client began: its message is not known here yet.
        if (!replayed && frame.conversation === open && !state.messages[open]?.some((message) => message.turnId === frame.turnId && message.role === 'user')) quietly(once(`messages ${open}`, () => readMessages(open)));
        if (frame.type === 'final' && !replayed) quietly(readConversations());
        break;
      case 'approval':
        if (!state.approvals[frame.approval.id]?.complete) quietly(readApproval(frame.approval.id));
        // Somebody behind a messenger may have begun a conversation that is not listed here yet.
        if (!replayed && !state.conversations.some((conversation) => conversation.id === frame.approval.conversation)) quietly(readConversations());
        break;
      case 'decided':
        if (!replayed) quietly(readApproval(frame.approvalId));
        break;
      case 'run':
        if (frame.conversation === open && (frame.stream === 'status' ? !replayed || ended(frame.runId) : state.runs[frame.runId]?.run === null)) quietly(readRun(frame.runId));
        break;
      case 'error':
        if (frame.ref !== undefined) clearDeadline(frame.ref);
        if (frame.code === 'resume_gap') readAll();
        keepOutbox(state.outbox);
        break;
      case 'notice':
        if (!replayed) quietly(readPolicy());
        break;
      case 'pong':
        break;
    }
  }

  const ended = (id: string): boolean => {
    const status = store.get().runs[id]?.status ?? 'due';
    return endedRun(status);
  };

  function onLost(): void {
    store.apply({ kind: 'connection', connection: 'lost' });
    // The browser does not tell why a socket was refused; an ended session answers this with 401.
    if (navigator.onLine) quietly(readConversations());
  }

  function clearDeadline(id: string): void {
    clearTimeout(deadlines.get(id));
    deadlines.delete(id);
  }

  function transmit(message: Outgoing): void {
    clearDeadline(message.id);
    if (!socket?.send({ type: 'message', id: message.id, conversation: message.conversation, text: message.text })) return;
    const late = setTimeout(() => {
      store.apply({ kind: 'outgoing-failed', id: message.id, problem: 'No word that it was stored. Sending it again is safe: it is carried out at most once.' });
      keepOutbox(store.get().outbox);
    }, acceptMs);
    deadlines.set(message.id, late);
  }

  function leave(): void {
    socket?.close();
    socket = undefined;
    clearInterval(policyTimer);
    for (const id of deadlines.keys()) clearDeadline(id);
    store.apply({ kind: 'session', session: 'out' });
  }

  function enter(): void {
    store.apply({ kind: 'session', session: 'in' });
    socket ??= openSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`, { onWelcome, onFrame, onLost });
    readAll();
    clearInterval(policyTimer);
    policyTimer = setInterval(() => {
      if (!document.hidden) quietly(readPolicy());
    }, policyEveryMs);
  }

  /** Turns a rejection into the problem to show. */
  async function attempt(work: Promise<unknown>): Promise<ApiProblem | null> {
    try {
      await work;
      return null;
    } catch (error) {
      if (error instanceof ApiProblem) return error;
      reportError(error);
      return new ApiProblem(0, 'app', 'The app failed to do that.', 'Reload the page and try again.', { cause: error });
    }
  }

  return {
    api,
    attempt,
    dismiss: (id: number) => store.apply({ kind: 'notice-dismissed', id }),
    readApproval: (id: string) => quietly(readApproval(id)),
    /** Reads one approval, by its id or the beginning of it. */
    findApproval: (id: string) => attempt(readApproval(id)),
    refresh: readAll,

    /** Finds out whether this browser has a session; a gateway that does not answer is asked again. */
    async start(): Promise<void> {
      clearTimeout(retry);
      const problem = await attempt(readConversations());
      if (!problem) return enter();
      if (problem.status === 401) return leave();
      const answered = problem.status >= 400 && problem.status < 500;
      store.apply({ kind: 'session', session: 'unreachable', refusal: answered ? { text: problem.message, hint: problem.hint } : null });
      retry = setTimeout(() => void this.start(), 2_000);
    },
    async signIn(credential: { token: string } | { code: string }): Promise<ApiProblem | null> {
      const problem = await attempt(api.signIn(credential));
      if (!problem) enter();
      return problem;
    },
    async signOut(): Promise<ApiProblem | null> {
      const problem = await attempt(api.signOut());
      if (problem && problem.status !== 401) return problem;
      for (const message of store.get().outbox) store.apply({ kind: 'outgoing-dropped', id: message.id });
      forgetTyped();
      leave();
      return null;
    },
    async unlock(token: string): Promise<ApiProblem | null> {
      return (await attempt(api.unlock(token))) ?? (await attempt(readPolicy()));
    },

    /** Makes a conversation the one that is looked at. */
    open(conversation: string): void {
      open = conversation;
      if (store.get().session === 'in') {
        quietly(readMessages(conversation));
        quietly(readApprovals());
      }
    },
    /** Reads the newest messages of a conversation that is not the open one. */
    load: (conversation: string) => quietly(once(`messages ${conversation}`, () => readMessages(conversation))),
    earlier: (conversation: string, cursor: string) =>
      attempt(api.messages(conversation, cursor).then((page) => store.apply({ kind: 'messages', conversation, messages: page.messages, earlier: page.nextCursor }))),
    async create(): Promise<string | ApiProblem> {
      let id = '';
      const problem = await attempt(api.createConversation().then((conversation) => {
        id = conversation.id;
        store.apply({ kind: 'conversation', conversation });
      }));
      return problem ?? id;
    },
    update: (id: string, change: Parameters<Api['updateConversation']>[1]) =>
      attempt(api.updateConversation(id, change).then((conversation) => store.apply({ kind: 'conversation', conversation }))),

    send(conversation: string, text: string): void {
      const message: Outgoing = { id: uuid(), conversation, text, at: Date.now(), state: 'sending', problem: null };
      store.apply({ kind: 'outgoing', message });
      keepOutbox(store.get().outbox);
      transmit(message);
    },
    /** Sends a failed message again under the id it had, so that it cannot be stored twice. */
    resend(message: Outgoing): void {
      const again: Outgoing = { ...message, state: 'sending', problem: null };
      store.apply({ kind: 'outgoing', message: again });
      keepOutbox(store.get().outbox);
      transmit(again);
    },
    drop(id: string): void {
      clearDeadline(id);
      store.apply({ kind: 'outgoing-dropped', id });
      keepOutbox(store.get().outbox);
    },
    async stop(conversation: string): Promise<ApiProblem | null> {
      const turn = openTurn(store.get(), conversation);
      return turn ? await attempt(api.cancelTurn(turn.id)) : null;
    },
    /** Waits for the server: a decision is never shown before it is recorded. Whatever it says, the card shows the record. */
    async decide(id: string, decision: 'approve' | 'reject', more: { scope?: Scope; reason?: string } = {}): Promise<ApiProblem | null> {
      const problem = await attempt(api.decide(id, decision, more).then((approval) => store.apply({ kind: 'approvals', approvals: [approval] })));
      if (problem && problem.status >= 400 && problem.status < 500) await attempt(readApproval(id));
      const runId = store.get().approvals[id]?.runId;
      if (runId !== undefined && !store.get().runs[runId]?.run) quietly(readRun(runId));
      if (more.scope !== undefined && more.scope !== 'once') quietly(readPolicy());
      return problem;
    },
    /** Several at once, all or none; what the server says of each is shown. */
    async decideBatch(ids: readonly string[], decision: 'approve' | 'reject'): Promise<ApiProblem | null> {
      const problem = await attempt(api.decideBatch(ids, decision).then((approvals) => store.apply({ kind: 'approvals', approvals })));
      if (problem) quietly(readApprovals());
      return problem;
    },
    /** Puts another command in the place of one that waits. Resolves to what became of it, or to the problem. */
    async edit(id: string, command: string): Promise<EditedApproval | ApiProblem> {
      let edited: EditedApproval | null = null;
      const problem = await attempt(api.editApproval(id, command).then((reply) => {
        edited = reply;
        if (reply.approval) store.apply({ kind: 'approvals', approvals: [reply.approval] });
      }));
      await attempt(readApproval(id));
      return problem ?? edited ?? new ApiProblem(0, 'app', 'The app failed to do that.', 'Reload the page and try again.');
    },
  };
}
