import type { Bus } from '@megabot/bus/port.ts';
import { canRetry, type BridgeDecision } from '@megabot/contracts/bridge-decision.ts';
import type { UndeliveredDecision } from '@megabot/contracts/bridge-report.ts';
import { heartbeat } from '@megabot/contracts/endpoints/interlock.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { EventHub } from '../../event-hub.ts';
import type { MessageIntake } from '../../messages.ts';
import { createBusBridgeStore } from '../bus-bridge-store.ts';
import { createOpenClawLink, type OpenClawLink } from '../openclaw/openclaw-link.ts';
import type { OpenClawStatus } from '../openclaw/status.ts';
import { createAnnouncer, type Announcer } from './announcer.ts';
import { createApprovedSends, type ApprovedSends, type SendGate } from './approved-sends.ts';
import { decisionWords, discardedReason } from './decision-words.ts';
import { createBridgeDoor } from './door.ts';
import { createElector } from './elector.ts';
import { keepSending, type SendingOptions } from './sender.ts';
import { createBridgeRules } from './settings.ts';

export interface BridgeOptions {
  /** `OPENCLAW_URL`. */
  readonly url: string;
  readonly authToken?: string | undefined;
  readonly stateDir: string;
  readonly stateSecret: string;
  readonly version: string;
  readonly uiOrigin: string;
  /** With which it sends messages that were approved; without it, such runs are not taken. */
  readonly sending?: SendingOptions | undefined;
}

export interface BridgeDeps {
  readonly bus: Bus;
  readonly hub: Pick<EventHub, 'subscribe'>;
  readonly intake: MessageIntake;
  readonly logger: Logger;
  readonly clock: () => number;
}

/** An answer that has not arrived; times in milliseconds since 1970. */
export interface UndeliveredAnswer {
  readonly id: string;
  readonly platform: string;
  readonly chat: string;
  /** `pending` and `held` may still arrive, `failed` not. */
  readonly state: string;
  readonly reason: string;
  readonly attempts: number;
  readonly createdAt: number;
  /** Until when it is tried. */
  readonly expiresAt: number;
  /** Whether the owner can have it tried once more. */
  readonly canRetry: boolean;
}

export interface BridgeChannel {
  /** Undefined while another process holds the bridge. */
  status(): OpenClawStatus | undefined;
  /** Answers that have not arrived, newest first. */
  undelivered(limit: number): Promise<readonly UndeliveredAnswer[]>;
  /**
   * The owner's decision about an answer that has not arrived, in whatever process: who holds the bridge finds it in the store before
   * sending a part, and within a minute. @throws ServiceError `not_found`, `conflict`, `unavailable`
   */
  decide(id: string, decision: BridgeDecision): Promise<UndeliveredDecision>;
  /** Another attempt to connect, also after a refusal; false while another process holds the bridge. */
  retry(): boolean;
  close(): Promise<void>;
}

const name = 'openclaw';
const pruneEveryMs = 3_600_000;
/** Longer than anything is still answered or delivered, so that nothing forgotten can come again. */
const rememberedMs = 30 * 86_400_000;

/**
 * The messengers behind OpenClaw as one more door: an untrusted zone. One process at a time runs it, by lease; what it has to
 * remember is kept by memory, and what it has to say is asked of the stores, so it may be killed between any two steps.
 */
export function createBridgeChannel(options: BridgeOptions, deps: BridgeDeps): BridgeChannel {
  const { bus, logger, clock } = deps;
  const holder = { bridge: name, holder: newId() };
  const store = createBusBridgeStore(bus, holder);
  const rules = createBridgeRules(bus, clock);
  const instance = options.sending?.instance ?? holder.holder;
  const gate = async (): Promise<SendGate> => {
    const [{ epoch, lockdown }, read] = await Promise.all([bus.call(heartbeat, { instance, running: [] }), rules.read()]);
    return { epoch, lockdown, enabled: (platform) => read.platform(platform)?.enabled === true };
  };
  let running: { readonly link: OpenClawLink; readonly sends: ApprovedSends; readonly announcer: Announcer; readonly stopSending: (() => Promise<void>) | undefined; readonly localOnly: boolean } | undefined;

  const start = async (): Promise<void> => {
    // Until the interlock has spoken nothing but private addresses is allowed.
    const localOnly = await rules.read().then((read) => read.localOnly, () => true);
    const send: OpenClawLink['send'] = async (answer) => await link.send(answer);
    const sends = createApprovedSends({ store, gate, clock });
    const announcer = createAnnouncer({ bus, bridge: name, rules, send, uiOrigin: options.uiOrigin, logger });
    const door = createBridgeDoor({ bus, holder, rules, intake: deps.intake, send, onConversation: announcer.answers, logger, clock });
    const link: OpenClawLink = createOpenClawLink({ ...options, localOnly, store: sends.store, onMessage: async (message) => await door.take(message), logger, clock });
    const stopSending = options.sending && keepSending(options.sending, { bus, logger, clock, messenger: { bridge: name, rules, sends, send, refusal: () => refusalOf(link.status()) } });
    running = { link, sends, announcer, stopSending, localOnly };
    link.start();
    announcer.approvals();
    announcer.answers();
  };
  const stop = async (): Promise<void> => {
    const ended = running;
    running = undefined;
    await ended?.announcer.stop();
    await ended?.stopSending?.();
    await ended?.link.close();
  };
  // One after the other: a lease that is lost while the bridge starts anew must find something to stop.
  let turn: Promise<void> = Promise.resolve();
  const inTurn = async (work: () => Promise<void>): Promise<void> => await (turn = turn.catch(() => undefined).then(work));
  const elector = createElector({ bus, holder, logger, onHeld: async () => await inTurn(start), onLost: async () => await inTurn(stop) });

  const pruning = setInterval(() => {
    if (running) void store.prune(clock() - rememberedMs).catch((error: unknown) => logger.warn({ err: error }, 'old marks of the bridge could not be forgotten; it is tried again'));
  }, pruneEveryMs);

  const unsubscribe = deps.hub.subscribe(({ event }) => {
    if (event.topic === 'final') running?.announcer.answers();
    if (event.topic === 'approval') running?.announcer.approvals();
    if (event.topic !== 'configuration') return;
    rules.invalidate();
    void inTurn(async () => {
      const { localOnly } = await rules.read();
      if (!running || running.localOnly === localOnly) return;
      await stop();
      await start();
    }).catch((error: unknown) => logger.warn({ err: error }, 'the bridge could not take up the changed configuration'));
  });

  return {
    status: () => running?.link.status(),
    async undelivered(limit) {
      const answers = await store.undelivered(limit);
      return answers.map((answer) => {
        const { id, address, reason = 'It waits for OpenClaw.', state, attempts, createdAt, expiresAt } = answer;
        return { id, platform: address.platform, chat: address.chat, state, reason, attempts, createdAt, expiresAt, canRetry: canRetry(answer) };
      });
    },
    async decide(id, decision) {
      const answer = await store.decide(id, decision, clock());
      logger.info({ answer: id, platform: answer.address.platform, decision, state: answer.state }, 'the owner decided about an answer that has not arrived');
      running?.sends.decided(answer.state === 'discarded' ? { ...answer, reason: discardedReason(answer) } : answer);
      running?.link.wake();
      return { id, ...decisionWords(answer, running?.link.status().state) };
    },
    retry() {
      running?.link.retry();
      return running !== undefined;
    },
    async close() {
      unsubscribe();
      clearInterval(pruning);
      await elector.stop();
      await turn.catch(() => undefined);
    },
  };
}

/** Why nothing goes out before a person has done something; undefined while it may mend by itself. */
function refusalOf({ state, message, mend }: OpenClawStatus): string | undefined {
  return state === 'refused' ? `${message ?? 'OpenClaw refuses the bridge.'} ${mend ?? ''}`.trim() : undefined;
}
