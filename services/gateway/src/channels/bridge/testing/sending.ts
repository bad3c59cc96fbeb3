import { handle } from '@megabot/bus/port.ts';
import { emptyWorkspaceRevision, type PlanOf } from '@megabot/contracts/action.ts';
import type { BridgeAddress } from '@megabot/contracts/bridge-address.ts';
import { bridgeChats } from '@megabot/contracts/endpoints/bridge.ts';
import { runQueues, type Permit } from '@megabot/contracts/queues.ts';
import { startFakeInterlock } from '@megabot/execution/testing/fake-interlock.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createOutbound, type Outbound } from '../../openclaw/outbound.ts';
import { RequestFailure } from '../../openclaw/failure.ts';
import type { Request } from '../../openclaw/session-history.ts';
import { createMemoryStore } from '../../openclaw/testing/memory-store.ts';
import { until } from '../../openclaw/testing/bridge.ts';
import { chatKey } from '../../openclaw/types.ts';
import { createApprovedSends, type SendGate } from '../approved-sends.ts';
import { startSending } from '../sender.ts';

export const ann: BridgeAddress = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' };

/** What `send` was called with, where OpenClaw took it; the same key again is the same message. */
export interface Sent {
  readonly channel: string;
  readonly accountId: string;
  readonly to: string;
  readonly threadId?: string;
  readonly message: string;
  readonly sessionKey: string;
  readonly idempotencyKey: string;
}

/** A plan for a message to Ann, that differs as said. */
export const planTo = ({ text = 'See you at 7', wallMs = 3_000, address = ann, ...rest }: { text?: string; wallMs?: number; address?: BridgeAddress | undefined } & Partial<PlanOf<'bridge_send'>> = {}): PlanOf<'bridge_send'> => ({
  kind: 'bridge_send', conversation: 'default', workspaceRevision: emptyWorkspaceRevision, limits: { wallMs, outputBytes: 1_000 },
  action: { kind: 'bridge_send', platform: address.platform, chat: address.chat, text }, address, ...rest,
});

/**
 * The sender between a fake interlock and a fake OpenClaw. What memory keeps lasts over the lives of the gateway; `life` begins
 * one, as the process that holds the lease.
 */
export async function startSendingTest() {
  const logger = silentLogger();
  const interlock = await startFakeInterlock();
  const memory = interlock.hub.bus('memory', { logger });
  const store = createMemoryStore();
  const it = {
    interlock,
    store,
    chats: [ann] as BridgeAddress[],
    sent: [] as Sent[],
    now: Date.now(),
    gate: { epoch: 1, lockdown: false } as Omit<SendGate, 'enabled'> | undefined,
    enabled: true,
    refusal: undefined as string | undefined,
    /** What OpenClaw does with `send` once it took it; throwing is how it fails. */
    onSend: async (_sent: Sent): Promise<void> => {},
    /** Whether OpenClaw takes what it is given at all. */
    beforeSend: async (_sent: Sent): Promise<void> => {},
    async life(options: { online?: boolean; off?: boolean } = {}) {
      const clock = (): number => it.now;
      const sends = createApprovedSends({
        store, clock,
        gate: async () => {
          if (!it.gate) throw new Error('the interlock does not answer');
          return { ...it.gate, enabled: () => it.enabled };
        },
      });
      const request = (async (method: string, params: object) => {
        if (method !== 'send') return { messages: it.sent.map(({ idempotencyKey }) => ({ role: 'assistant', content: '', __openclaw: { idempotencyKey } })) };
        const sending = params as Sent;
        await it.beforeSend(sending);
        if (!it.sent.some(({ idempotencyKey }) => idempotencyKey === sending.idempotencyKey)) it.sent.push(sending);
        await it.onSend(sending);
        return {};
      }) as unknown as Request;
      const outbound: Outbound = createOutbound({ request, store: sends.store, clock, onDelivered: () => {}, onUndelivered: () => {}, onTrouble: () => {} });
      outbound.connected(options.online ?? true);
      const rules = { read: async () => ({ localOnly: true, platform: () => ({ enabled: it.enabled, allowFrom: [], admins: [], approvals: 'code' as const, maxRisk: 'low' as const, ratePerMinute: 20 }) }), invalidate: () => {} };
      const messenger = { bridge: 'openclaw', rules, sends, send: async (answer: Parameters<Outbound['send']>[0]) => await outbound.send(answer), refusal: () => it.refusal };
      const executor = await startSending(
        { permitPublicKey: interlock.signer.publicKey, instance: 'gateway-1' },
        { bus: interlock.hub.bus('gateway', { logger }), logger, clock, ...(options.off ? {} : { messenger }) },
      );
      const life = {
        outbound,
        sends,
        /** Leaves what it had begun with OpenClaw as it is. */
        leave: async (): Promise<void> => await executor.close(),
        async close() {
          await executor.close();
          await outbound.stop();
        },
        [Symbol.asyncDispose]: async (): Promise<void> => await life.close(),
      };
      return life;
    },
    queue: async (permit: Permit): Promise<void> => await interlock.queue(permit, runQueues.gateway),
    /** The next report. */
    async reported() {
      await until('a report', () => interlock.reports.length > 0);
      return interlock.reports.shift()!.report;
    },
    async run(plan = planTo()) {
      await it.queue(interlock.signer.permitFor(plan));
      return await it.reported();
    },
    texts: (): string[] => it.sent.map(({ message }) => message),
    close: async (): Promise<void> => await interlock.close(),
    [Symbol.asyncDispose]: async (): Promise<void> => await interlock.close(),
  };
  await memory.serve([
    handle(bridgeChats, async ({ platform, chat }) => ({
      chats: it.chats.filter((known) => known.platform === platform && known.chat === chat).map((address) => ({ conversation: 'c', chatKey: chatKey(address), address, sessionKey: `session of ${chatKey(address)}`, title: 't' })),
    })),
  ]);
  return it;
}

export const refusedBy = (code: string, message: string, detail?: string): RequestFailure => new RequestFailure('refused', code, message, detail);
export const unanswered = (): RequestFailure => new RequestFailure('unanswered', 'timeout', 'no answer');
