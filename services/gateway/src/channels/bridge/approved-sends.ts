import { isServiceError } from '@megabot/contracts/errors.ts';
import type { BridgeStore, StoredAnswer } from '../openclaw/store.ts';

/** What approved messages depend on until they have gone out. */
export interface SendGate {
  /** Of the lockdowns: a later one than that of the permit means that one came in between, lifted since or not. */
  readonly epoch: number;
  readonly lockdown: boolean;
  readonly enabled: (platform: string) => boolean;
}

export interface ApprovedSends {
  /** What the link keeps its answers in. */
  readonly store: BridgeStore;
  /** Follows one from before it is stored until it is over or out of our hands. */
  follow(id: string): FollowedSend;
  /** Takes one back, as far as it has not gone out; resolves to what became of it. Its reason begins with `why`. */
  withdraw(id: string, why: string): Promise<StoredAnswer | undefined>;
  /** Tells who follows an answer that its owner decided about it. */
  decided(answer: StoredAnswer): void;
}

export interface FollowedSend extends Disposable {
  /** Resolves once it is delivered, failed, or held by OpenClaw. */
  readonly over: Promise<void>;
  /** As it was stored last. */
  latest(): StoredAnswer | undefined;
}

export interface ApprovedSendsDeps {
  readonly store: BridgeStore;
  /** @throws while nobody can say: then nothing goes out */
  readonly gate: () => Promise<SendGate>;
  readonly clock: () => number;
}

const gateRetryMs = 2_000;
const pattern = /^run-[A-Za-z0-9_-]{1,64}-(\d{1,15})$/;

/**
 * The id in the outbox of the message of a run. One run is one message for ever, and the epoch of its permit stays with it, so
 * that a lockdown stops it also after a restart.
 */
export const sendId = (runId: string, epoch: number): string => `run-${runId}-${epoch}`;
const epochOf = (id: string): number | undefined => {
  const epoch = pattern.exec(id)?.[1];
  return epoch === undefined ? undefined : Number(epoch);
};

/**
 * The outbox with a gate before messages that somebody approved: they may wait in it for a day, and what was true when they were
 * approved may not be true any more. Each is looked at when it is taken up and right before each of its parts is sent.
 */
export function createApprovedSends({ store, gate, clock }: ApprovedSendsDeps): ApprovedSends {
  const seen = new Map<string, StoredAnswer>();
  const stopped = new Map<string, string>();
  const followers = new Map<string, { latest: StoredAnswer | undefined; wake: () => void }>();
  const inTurn = createTurns();

  const note = (answer: StoredAnswer): void => {
    if (isOver(answer)) seen.delete(answer.id);
    else seen.set(answer.id, answer);
    const follower = followers.get(answer.id);
    if (!follower) return;
    follower.latest = answer;
    if (isOver(answer) || answer.state === 'held') follower.wake();
  };
  const keep = async (answer: StoredAnswer): Promise<StoredAnswer> => {
    await store.saveAnswer(answer).catch((error: unknown) => {
      // What is known of it here is not what it is any more.
      if (isServiceError(error, 'conflict')) seen.delete(answer.id);
      throw error;
    });
    note(answer);
    return answer;
  };
  const stop = async (answer: StoredAnswer, why: string): Promise<StoredAnswer> => {
    stopped.set(answer.id, why);
    return await keep({ ...answer, state: 'failed', ending: 'stopped', sendingUntil: 0, reason: `${why} ${wentOut(answer)}` });
  };
  const stopUnlessDecided = async (answer: StoredAnswer, why: string): Promise<void> => {
    await stop(answer, why).catch((error: unknown) => {
      // The owner decided meanwhile: what it is now is looked at again.
      if (!isServiceError(error, 'conflict')) throw error;
    });
  };

  /** What the outbox may take up now; what must not go out any more has ended. */
  const admit = async (answer: StoredAnswer, open: SendGate | undefined): Promise<StoredAnswer | undefined> =>
    await inTurn(answer.id, async () => {
      const ended = stopped.get(answer.id);
      if (ended !== undefined) {
        await stopUnlessDecided(answer, ended);
        return undefined;
      }
      note(answer);
      if (open === undefined) return { ...answer, nextTryAt: Math.max(answer.nextTryAt, clock() + gateRetryMs) };
      const why = whyNot(answer, open);
      if (why === undefined) return answer;
      await stopUnlessDecided(answer, why);
      return undefined;
    });

  const save = async (answer: StoredAnswer): Promise<void> => {
    const before = seen.get(answer.id);
    // The outbox writes that a part is being sent, and then sends it.
    const goesOut = answer.state === 'pending' && (answer.sendingUntil ?? 0) > 0;
    const why = stopped.get(answer.id) ?? (goesOut ? whyNot(answer, await gate()) : undefined);
    if (why === undefined || answer.state === 'delivered') return void (await keep(answer));
    await stop(goesOut ? { ...answer, uncertain: before?.uncertain === true } : answer, why);
    if (goesOut) throw new Error(`the approved message ${answer.id} was stopped right before it was sent`);
  };

  return {
    store: {
      ...store,
      async addAnswer(answer) {
        const added = await store.addAnswer(answer);
        if (added && epochOf(answer.id) !== undefined) note(answer);
        if (added) return true;
        // Known already: where the answer to an earlier attempt to store it was lost, it still has to go out.
        return (await store.openAnswers()).some(({ id }) => id === answer.id);
      },
      async openAnswers() {
        for (;;) {
          const open = await store.openAnswers();
          const gated = (answer: StoredAnswer): boolean => epochOf(answer.id) !== undefined && answer.state === 'pending';
          if (!open.some(gated)) return open;
          const now = await gate().catch(() => undefined);
          const admitted = await Promise.all(open.map(async (answer) => (gated(answer) ? await admit(answer, now) : answer)));
          // What was behind a message that has ended comes up in its place.
          if (!admitted.includes(undefined)) return admitted.filter((answer) => answer !== undefined);
        }
      },
      async saveAnswer(answer) {
        if (epochOf(answer.id) === undefined) return await store.saveAnswer(answer);
        await inTurn(answer.id, async () => await save(answer));
      },
    },
    follow(id) {
      const { promise: over, resolve: wake } = Promise.withResolvers<void>();
      const follower = { latest: undefined as StoredAnswer | undefined, wake };
      followers.set(id, follower);
      return { over, latest: () => follower.latest, [Symbol.dispose]: () => void followers.delete(id) };
    },
    withdraw: async (id, why) =>
      await inTurn(id, async () => {
        const stored = async (): Promise<StoredAnswer | undefined> => (await store.openAnswers()).find((answer) => answer.id === id);
        const current = seen.get(id) ?? followers.get(id)?.latest ?? (await stored());
        if (current !== undefined && isOver(current)) return current;
        // One that OpenClaw holds is in its hands; one that nobody has seen stored yet may still turn up.
        stopped.set(id, why);
        if (current?.state !== 'pending') return current;
        return await stop(current, why).catch(async (error: unknown) => {
          if (!isServiceError(error, 'conflict')) throw error;
          const latest = await stored();
          return latest?.state === 'pending' ? await stop(latest, why) : latest;
        });
      }),
    decided: note,
  };
}

const isOver = ({ state }: StoredAnswer): boolean => state === 'delivered' || state === 'failed' || state === 'discarded';

function whyNot({ id, address }: StoredAnswer, { epoch, lockdown, enabled }: SendGate): string | undefined {
  if (lockdown || epoch > (epochOf(id) ?? 0)) return 'A lockdown stopped it.';
  return enabled(address.platform) ? undefined : `The messenger ${address.platform} was turned off.`;
}

/** How far it came, in a sentence. */
export function wentOut({ parts, nextPart, uncertain }: Pick<StoredAnswer, 'parts' | 'nextPart' | 'uncertain'>): string {
  if (nextPart === 0 && !uncertain) return 'Nothing was sent.';
  if (nextPart === 0) return `Whether ${parts.length === 1 ? 'it' : 'its first part'} was sent is not known.`;
  return `${nextPart} of ${parts.length} messages were sent${uncertain ? ', and whether the next one was is not known' : ''}.`;
}

/** Does what concerns the same id one after the other. */
function createTurns() {
  const last = new Map<string, Promise<unknown>>();
  return async <T>(id: string, work: () => Promise<T>): Promise<T> => {
    const mine = (last.get(id) ?? Promise.resolve()).then(work, work);
    last.set(id, mine);
    try {
      return await mine;
    } finally {
      if (last.get(id) === mine) last.delete(id);
    }
  };
}
