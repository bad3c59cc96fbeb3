import { answerLifeMs } from '@megabot/contracts/bridge-decision.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { backoffDelay } from '@megabot/lifecycle/backoff.ts';
import { RequestFailure } from './failure.ts';
import { maxCharsOf, targetOf } from './platforms.ts';
import { Row } from './protocol.ts';
import { readBack, type Request } from './session-history.ts';
import { splitText } from './split.ts';
import type { BridgeStore, StoredAnswer } from './store.ts';
import type { ChatAddress } from './types.ts';

export interface Answer {
  /** The same id is one answer for ever, however often it is handed over. */
  readonly id: string;
  readonly to: ChatAddress;
  /** Of the message that it answers. */
  readonly sessionKey: string;
  readonly text: string;
}

export interface Outbound {
  /** Resolves once the answer is stored; it goes out as soon as it can. Answers to one chat go out in the order they came. */
  send(answer: Answer): Promise<void>;
  /** There is a connection; `false` for none. */
  connected(is: boolean): void;
  /** The owner has decided about an answer: looks at what is to be done now. */
  wake(): void;
  stop(): Promise<void>;
}

export interface OutboundDeps {
  readonly request: Request;
  readonly store: BridgeStore;
  readonly clock: () => number;
  readonly onDelivered: (answer: StoredAnswer) => void;
  readonly onUndelivered: (answer: StoredAnswer) => void;
  readonly onTrouble: (error: unknown) => void;
}

const atOnce = 4;
const mostParts = 50;
const retry = { minMs: 2_000, maxMs: 300_000 };
const heldCheckMs = 60_000;
/** How often the store is looked at without a reason: another process may have taken the owner's decision. */
const lookEveryMs = 60_000;
/** Longer than a request waits for its answer. */
const sendingMs = 45_000;
/** Rows of a session in one page, while a part's mark is looked for as far back as the answer is old, by clocks that may differ so far. */
const rowsToSearch = 200;
const clocksDifferMs = 300_000;

/**
 * Sends answers. What makes none of them double: the state is written before a part is sent; the key of a part stays the same
 * while it is uncertain whether it arrived, and the gateway knows its keys; and since it forgets them when it restarts, an
 * uncertain part is first looked for in the session, where the gateway notes what it has sent under the same key. Writing that a
 * part is taken up is a compare-and-set: what the owner discarded by then is not sent.
 */
export function createOutbound(deps: OutboundDeps): Outbound {
  const { request, store, clock } = deps;
  let online = false;
  let stopped = false;
  let kicked = false;
  let timer: NodeJS.Timeout | undefined;
  let pumping: Promise<void> | undefined;

  const kick = (): void => {
    kicked = true;
    clearTimeout(timer);
    if (stopped || pumping) return;
    pumping = pump()
      .catch((error: unknown) => {
        deps.onTrouble(error);
        wait(5_000);
      })
      .finally(() => {
        pumping = undefined;
        if (kicked) kick();
      });
  };
  const wait = (ms: number): void => {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(kick, Math.min(Math.max(ms, 50), lookEveryMs));
  };

  const pump = async (): Promise<void> => {
    const goesOn = (): boolean => !stopped;
    while (goesOn()) {
      kicked = false;
      const open = await store.openAnswers();
      const due = open.filter((answer) => answer.expiresAt <= clock() || (online && answer.nextTryAt <= clock()));
      if (due.length === 0) {
        const next = Math.min(...open.map((answer) => Math.min(answer.nextTryAt, answer.expiresAt)));
        if (!kicked) wait(online ? next - clock() : lookEveryMs);
        if (!kicked) return;
        continue;
      }
      for (let at = 0; at < due.length; at += atOnce) await Promise.all(due.slice(at, at + atOnce).map(advanceUnlessDecided));
    }
  };

  const advanceUnlessDecided = async (answer: StoredAnswer): Promise<void> => {
    await advance(answer).catch((error: unknown) => {
      // The owner decided about it since it was read: what holds now is read next.
      if (!isServiceError(error, 'conflict')) throw error;
    });
  };

  /** Takes an answer as far as it goes now. */
  const advance = async (first: StoredAnswer): Promise<void> => {
    let answer = first;
    const save = async (change: Partial<StoredAnswer>): Promise<void> => {
      answer = { ...answer, sendingUntil: 0, ...change };
      await store.saveAnswer(answer);
    };
    if (answer.expiresAt <= clock()) {
      await save({ state: 'failed', ending: answer.state === 'held' ? 'held' : 'expired', reason: `It could not be delivered within a day. ${answer.reason ?? 'There was no connection to OpenClaw.'}` });
      return deps.onUndelivered(answer);
    }
    while (answer.nextPart < answer.parts.length) {
      const key = partKey(answer);
      if (answer.uncertain) {
        const found = await wasSent(answer, key).catch(orFailure);
        if (found === true) {
          await save({ ...arrived(answer), state: 'pending' });
          continue;
        }
        // Not known is not no: as long as nobody says, it is not sent again.
        if (found !== false || answer.state === 'held') return await save({ nextTryAt: clock() + (answer.state === 'held' ? heldCheckMs : retry.minMs) });
      }
      await save({ uncertain: true, sendingUntil: clock() + sendingMs });
      const failure = await request('send', sendParams(answer, key)).then(() => undefined, orFailure);
      if (failure) {
        await save(afterFailure(answer, failure, clock()));
        return deps.onUndelivered(answer);
      }
      await save(arrived(answer));
    }
    await save({ state: 'delivered' });
    deps.onDelivered(answer);
  };

  const wasSent = async ({ sessionKey, createdAt }: StoredAnswer, key: string): Promise<boolean> => {
    const enough = async (page: readonly unknown[]): Promise<boolean> => page.some((row) => isMarked(row, key) || isOlder(row, createdAt - clocksDifferMs));
    const { rows } = await readBack(request, sessionKey, { pageRows: rowsToSearch, maxChars: 1, enough });
    return rows.some((row) => isMarked(row, key));
  };

  return {
    async send({ id, to, sessionKey, text }) {
      if (!/^[\w-]{1,128}$/.test(id)) throw new TypeError('the id of an answer is 1 to 128 letters, digits, "-" or "_"');
      const parts = splitText(text, maxCharsOf(to.platform));
      if (parts.length === 0) return;
      const now = clock();
      const kept = parts.length > mostParts ? [...parts.slice(0, mostParts - 1), '(The rest of this answer is too long for this chat.)'] : parts;
      const added = await store.addAnswer({
        id, address: addressOnly(to), sessionKey, parts: kept, state: 'pending', nextPart: 0, round: 0, uncertain: false, attempts: 0, createdAt: now, nextTryAt: now, expiresAt: now + answerLifeMs,
      });
      if (added) kick();
    },
    connected(is) {
      online = is;
      if (is) kick();
    },
    wake: kick,
    async stop() {
      stopped = true;
      online = false;
      clearTimeout(timer);
      await pumping;
    },
  };
}

/** A failure of the gateway's, as a value; anything else is ours and goes on up. */
function orFailure(error: unknown): RequestFailure {
  if (error instanceof RequestFailure) return error;
  throw error;
}

function isMarked(raw: unknown, key: string): boolean {
  const row = Row.safeParse(raw);
  return row.success && row.data.role === 'assistant' && (row.data.__openclaw?.idempotencyKey === key || row.data.idempotencyKey === key);
}
function isOlder(raw: unknown, than: number): boolean {
  const row = Row.safeParse(raw);
  return row.success && row.data.timestamp !== undefined && row.data.timestamp < than;
}

const ownKeys = 'megabot:';
/** Whether an idempotency key is of an answer of ours. */
export const isOwnKey = (key: string): boolean => key.startsWith(ownKeys);
const partKey = (answer: StoredAnswer): string => `${ownKeys}${answer.id}:${answer.nextPart}:${answer.round}`;
const arrived = (answer: StoredAnswer): Partial<StoredAnswer> => ({ nextPart: answer.nextPart + 1, uncertain: false, round: 0 });

const addressOnly = ({ platform, account, kind, chat, thread }: ChatAddress): ChatAddress => ({ platform, account, kind, chat, ...(thread === undefined ? {} : { thread }) });

function sendParams(answer: StoredAnswer, key: string) {
  const { address } = answer;
  return {
    channel: address.platform, accountId: address.account, to: targetOf(address), ...(address.thread === undefined ? {} : { threadId: address.thread }),
    message: answer.parts[answer.nextPart] ?? '', sessionKey: answer.sessionKey, idempotencyKey: key,
  };
}

function afterFailure(answer: StoredAnswer, error: RequestFailure, now: number): Partial<StoredAnswer> {
  const attempts = answer.attempts + 1;
  const nextTryAt = now + backoffDelay(attempts, retry);
  if (error.kind === 'unsent') return { nextTryAt: now + retry.minMs, reason: 'There was no connection to OpenClaw.' };
  if (error.kind === 'unanswered') return { attempts, nextTryAt: now + retry.minMs, reason: 'OpenClaw did not say whether it was sent.' };
  if (error.detail === 'OUTBOUND_DELIVERY_QUEUED') return { state: 'held', attempts, nextTryAt: now + heldCheckMs, reason: 'The platform did not take it; OpenClaw keeps it and tries again itself.' };
  if (error.detail === 'PARTIAL_DELIVERY') return { state: 'failed', ending: 'partial', attempts, reason: 'Only a part of it arrived; sending it again would repeat that part.' };
  // The same key would get the same refusal again from the gateway's memory.
  return { attempts, nextTryAt, round: answer.round + 1, uncertain: false, reason: `OpenClaw refused it: ${error.code}: ${error.message}` };
}
