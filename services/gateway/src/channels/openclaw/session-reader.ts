import { backoffDelay } from '@megabot/lifecycle/backoff.ts';
import { RequestFailure } from './failure.ts';
import { readInbound, type Ignored, type ReadRow } from './inbound.ts';
import { readBack, readSince, type NewRows, type Request } from './session-history.ts';
import type { BridgeStore } from './store.ts';
import { messageKey, type InboundMessage } from './types.ts';

/**
 * Follows sessions by their history: an event only says that a session has news, and what the news is comes from
 * `chat.history` from the last cursor on. So there is one way in, in order, whether we were there or not; a flood of events
 * costs one read; and a forged event says nothing.
 */
export interface SessionReader {
  /** A session has news. False where it is not followed because too many are. */
  wake(sessionKey: string): boolean;
  /**
   * A connection stands: `begun` is when the bridge was first connected. What an earlier connection left unread goes on.
   * Rejects where the store does not give its cursors.
   */
  resume(begun: number): Promise<void>;
  /** The connection is gone; what is being read stops at the next request and is read again later. */
  pause(): void;
  /** A page was too large for the connection: ask for smaller ones. */
  shrinkPages(): void;
  /** Resolves when nothing is being read or delivered any more. */
  stop(): Promise<void>;
}

export interface ReaderDeps {
  readonly request: Request;
  readonly store: BridgeStore;
  readonly clock: () => number;
  /** Takes a message; resolves once it is safe. A rejection has it tried again, and nothing later of that session before it. */
  readonly deliver: (message: InboundMessage) => Promise<void>;
  /** Sees all rows that were read, people's and others', once what people wrote is safe; some rows come twice. */
  readonly onRows: (sessionKey: string, rows: readonly unknown[]) => void;
  readonly onIgnored: (why: Ignored | 'known' | 'too_old') => void;
  readonly onTrouble: (error: unknown, sessionKey: string) => void;
}

type Message = Extract<ReadRow, { kind: 'message' }>;

interface Session {
  cursor: string | undefined;
  /** Whether people write in it: only then is its cursor worth keeping. */
  peopled: boolean;
  news: boolean;
  busy: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

const mostSessions = 2_000;
const mostAtOnce = 4;
const fullPage = 50;
/** What nobody has answered for a day, nobody expects an answer to. */
export const oldestMs = 86_400_000;

export function createSessionReader(deps: ReaderDeps): SessionReader {
  const { request, store, clock } = deps;
  const sessions = new Map<string, Session>();
  const reading = new Set<Promise<void>>();
  let begun = 0;
  let running = false;
  let stopped = false;
  let pageRows = fullPage;

  const tooOld = ({ message, recordedAt }: Message): boolean => recordedAt < begun || message.at < clock() - oldestMs;

  const deliverNew = async (sessionKey: string, session: Session, rows: readonly unknown[]): Promise<void> => {
    const messages = rows.flatMap((row) => {
      const read = readInbound(sessionKey, row);
      if (read.kind === 'message') return [read];
      deps.onIgnored(read.why);
      return [];
    });
    if (messages.length === 0) return;
    session.peopled = true;
    const done = new Set(await store.seen(messages.map(({ message }) => messageKey(message))));
    for (const read of messages) {
      const { message } = read;
      const key = messageKey(message);
      if (done.has(key)) deps.onIgnored('known');
      else if (tooOld(read)) deps.onIgnored('too_old');
      else {
        await deps.deliver(message);
        await store.markSeen(key, clock());
        done.add(key);
      }
    }
  };

  const fetchNew = async (sessionKey: string, session: Session): Promise<NewRows> => {
    if (session.cursor !== undefined) {
      const since = await readSince(request, sessionKey, session.cursor, pageRows);
      if (since !== 'reset') return since;
    }
    const enough = async (page: readonly unknown[]): Promise<boolean> => {
      const messages = page.flatMap((row) => {
        const read = readInbound(sessionKey, row);
        return read.kind === 'message' ? [read] : [];
      });
      if (messages.some(tooOld)) return true;
      // Rows are taken in order, so what stands before a known one is known as well.
      return (await store.seen(messages.map(({ message }) => messageKey(message)))).size > 0;
    };
    return await readBack(request, sessionKey, { pageRows, enough });
  };

  const catchUp = async (sessionKey: string, session: Session): Promise<void> => {
    const goesOn = (): boolean => session.news && running;
    while (goesOn()) {
      session.news = false;
      try {
        const { rows, cursor } = await fetchNew(sessionKey, session);
        await deliverNew(sessionKey, session, rows);
        deps.onRows(sessionKey, rows);
        if (session.peopled && cursor !== undefined && cursor !== session.cursor) await store.saveCursor({ sessionKey, cursor });
        session.cursor = cursor ?? session.cursor;
        session.failures = 0;
        pageRows = Math.min(fullPage, pageRows * 2);
      } catch (error) {
        session.news = true;
        throw error;
      }
    }
  };

  const runNext = (): void => {
    if (!running || stopped) return;
    for (const [sessionKey, session] of sessions) {
      if (reading.size >= mostAtOnce) return;
      if (session.busy || !session.news || session.timer) continue;
      session.busy = true;
      const work: Promise<void> = catchUp(sessionKey, session)
        .catch((error: unknown) => tryLater(sessionKey, session, error))
        .finally(() => {
          session.busy = false;
          reading.delete(work);
          runNext();
        });
      reading.add(work);
    }
  };

  const tryLater = (sessionKey: string, session: Session, error: unknown): void => {
    if (!running || stopped) return;
    if (error instanceof RequestFailure && error.kind !== 'refused' && (error.code === 'connection_lost' || error.code === 'not_connected')) {
      // Nothing to wait for here, and the news that the connection is gone may come after this: `resume` goes on.
      running = false;
      return;
    }
    deps.onTrouble(error, sessionKey);
    session.failures += 1;
    session.timer = setTimeout(() => {
      session.timer = undefined;
      runNext();
    }, backoffDelay(session.failures, { minMs: 500, maxMs: 30_000 }));
  };

  const follow = (sessionKey: string): Session | undefined => {
    const known = sessions.get(sessionKey);
    if (known) return known;
    if (sessions.size >= mostSessions) {
      const idle = [...sessions].find(([, session]) => !session.busy && !session.news);
      if (!idle) return undefined;
      sessions.delete(idle[0]);
    }
    const session: Session = { cursor: undefined, peopled: false, news: false, busy: false, failures: 0, timer: undefined };
    sessions.set(sessionKey, session);
    return session;
  };

  let loaded = false;
  let generation = 0;
  const load = async (): Promise<void> => {
    for (const { sessionKey, cursor } of (await store.cursors()).slice(0, mostSessions)) {
      const session = follow(sessionKey);
      if (session && !session.busy) Object.assign(session, { cursor, peopled: true });
    }
    loaded = true;
  };

  return {
    wake(sessionKey) {
      const session = follow(sessionKey);
      if (!session) return false;
      session.news = true;
      runNext();
      return true;
    },
    async resume(since) {
      const mine = generation;
      if (!loaded) await load();
      if (mine !== generation || stopped) return;
      begun = since;
      running = true;
      for (const session of sessions.values()) {
        session.news = true;
        clearTimeout(session.timer);
        session.timer = undefined;
      }
      runNext();
    },
    pause() {
      generation += 1;
      running = false;
    },
    shrinkPages() {
      pageRows = Math.max(1, Math.floor(pageRows / 4));
    },
    async stop() {
      stopped = true;
      running = false;
      for (const { timer } of sessions.values()) clearTimeout(timer);
      await Promise.allSettled(reading);
    },
  };
}
