import type { Bus } from '@megabot/bus/port.ts';
import type { PlanOf } from '@megabot/contracts/action.ts';
import type { BridgeAddress } from '@megabot/contracts/bridge-address.ts';
import { bridgeChats } from '@megabot/contracts/endpoints/bridge.ts';
import { neutralText } from '@megabot/contracts/neutral-text.ts';
import type { PermitOf } from '@megabot/contracts/queues.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import { createExecutor, type Executor, type RunContext } from '@megabot/execution/executor.ts';
import { plainReport, stoppedAs } from '@megabot/execution/report.ts';
import { AbortError, retry } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Answer } from '../openclaw/outbound.ts';
import type { StoredAnswer } from '../openclaw/store.ts';
import { chatKey } from '../openclaw/types.ts';
import { sendId, type ApprovedSends } from './approved-sends.ts';
import type { BridgeRulesSource } from './settings.ts';

export interface SendingOptions {
  /** The interlock's key for permits and grants, pinned. */
  readonly permitPublicKey: string;
  /** Names this replica. */
  readonly instance: string;
}

/** The bridge of this process, which holds the lease. */
export interface Messenger {
  readonly bridge: string;
  readonly rules: BridgeRulesSource;
  readonly sends: ApprovedSends;
  /** Stores a message and sends it as soon as it can. */
  readonly send: (answer: Answer) => Promise<void>;
  /** Why nothing can be sent until a person does something, in sentences; undefined where that is not so. */
  readonly refusal: () => string | undefined;
}

export interface SendingDeps {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly clock: () => number;
  /** Left out where the bridge is off: everything is refused then, instead of waiting for somebody to take it. */
  readonly messenger?: Messenger;
}

/** Starts it as soon as the bus lets it, and ends it with the returned function. */
export function keepSending(options: SendingOptions, deps: SendingDeps): () => Promise<void> {
  const ending = new AbortController();
  const started = retry(async () => await startSending(options, deps), {
    minMs: 500, maxMs: 10_000, attempts: Infinity, signal: ending.signal,
    onRetry: (err) => deps.logger.warn({ err }, 'approved messages to messengers are not taken yet; it is tried again'),
  }).catch((error: unknown) => {
    if (!(error instanceof AbortError)) throw error;
    return undefined;
  });
  return async () => {
    ending.abort();
    await (await started)?.close();
  };
}

type Ending = Pick<RunReport, 'status'> & Partial<RunReport>;
type Permitted = { readonly permit: PermitOf<'bridge_send'>; readonly context: RunContext<object>; readonly deps: SendingDeps };

/** Each only waits; while OpenClaw is away, none should miss its time because others do. */
const concurrency = 16;
/** What programs call a failure that may mend by itself (EX_TEMPFAIL of sysexits.h). */
const notYet = 75;
const attempts = { minMs: 100, maxMs: 2_000, attempts: Infinity } as const;

/**
 * Sends the messages that were approved, with a permit for exactly that text and chat. Only the holder of the bridge's lease takes
 * permits. A message is in the outbox, under its run's id, before anything is sent: whatever is killed, it goes out at most once.
 */
export async function startSending(options: SendingOptions, deps: SendingDeps): Promise<Executor> {
  const { bus, logger, clock } = deps;
  return await createExecutor(
    { ...options, service: 'gateway', kinds: ['bridge_send'], concurrency },
    {
      bus, logger, clock,
      prepare: async () => ({}),
      run: async (permit, context) => {
        const startedAt = clock();
        const ending = await carryOut({ permit, context, deps });
        return plainReport({ driver: 'gateway', startedAt, endedAt: clock(), ...ending });
      },
    },
  );
}

async function carryOut(permitted: Permitted): Promise<Ending> {
  const { permit: { plan }, context, deps: { messenger } } = permitted;
  if (!messenger) return refused('The bridge to messengers is off: OPENCLAW_URL is not set (docs/openclaw.md).');
  const within = AbortSignal.any([context.signal, AbortSignal.timeout(plan.limits.wallMs)]);
  const target = await findTarget(plan, messenger, permitted.deps, within);
  if (typeof target === 'string') return stoppedBefore(context) ?? refused(target);
  return await sendTo(target, within, messenger, permitted);
}

/** The session of the permitted chat, or why nothing can be sent there. */
async function findTarget({ action, address }: PlanOf<'bridge_send'>, { bridge, rules, refusal }: Messenger, { bus }: SendingDeps, signal: AbortSignal): Promise<{ address: BridgeAddress; sessionKey: string } | string> {
  const cannot = refusal();
  if (cannot !== undefined) return cannot;
  if (address === undefined) return 'It was proposed before this version of MegaBot. Propose it again.';
  if (address.platform !== action.platform || address.chat !== action.chat) return 'The permit names two different chats.';
  try {
    const [settings, { chats }] = await retry(async () => await Promise.all([rules.read(), bus.call(bridgeChats, { bridge, platform: address.platform, chat: address.chat })]), { ...attempts, signal });
    if (settings.platform(address.platform)?.enabled !== true) return `The messenger ${address.platform} is turned off.`;
    const known = chats.find((chat) => chatKey(chat.address) === chatKey(address));
    return known ? { address, sessionKey: known.sessionKey } : 'The bridge does not know that chat any more.';
  } catch (error) {
    if (error instanceof AbortError) return 'The memory or the interlock did not answer in time.';
    throw error;
  }
}

async function sendTo({ address, sessionKey }: { address: BridgeAddress; sessionKey: string }, within: AbortSignal, { sends, send }: Messenger, { permit, context }: Permitted): Promise<Ending> {
  const { claims, plan } = permit;
  const stopped = stoppedBefore(context);
  if (stopped) return stopped;
  const id = sendId(claims.runId, claims.epoch);
  using followed = sends.follow(id);
  try {
    await retry(async () => await send({ id, to: address, sessionKey, text: plan.action.text }), { ...attempts, signal: within });
  } catch (error) {
    if (!(error instanceof AbortError)) throw error;
    // It may have been stored all the same, and would then be sent unless it was stopped for good.
    if (context.cause() === 'cancel' || context.cause() === 'lockdown') return await takeBack(id, sends, permit, context);
    return { status: 'engine_failure', detail: 'The memory did not say whether the message was stored, so whether it will be sent is not known. If it was, the page Messengers lists it until it arrives.' };
  }
  await Promise.race([followed.over, aborted(within)]);
  if (context.cause() === 'cancel' || context.cause() === 'lockdown') return await takeBack(id, sends, permit, context);
  return endingOf(followed.latest(), plan.action);
}

/** Told to stop: what has not gone out does not any more. */
async function takeBack(id: string, sends: ApprovedSends, { plan }: PermitOf<'bridge_send'>, context: RunContext<object>): Promise<Ending> {
  const cause = context.cause() ?? 'cancel';
  const answer = await sends.withdraw(id, cause === 'lockdown' ? 'A lockdown stopped it.' : 'Its turn was cancelled.');
  if (answer?.state === 'delivered') return endingOf(answer, plan.action);
  const detail = answer?.state === 'held' ? 'OpenClaw has it in its own queue and may still deliver it.' : (answer?.reason ?? 'Nothing was sent.');
  return { ...stoppedAs(cause, 'gateway'), detail };
}

/** How it stands, as the report of its run. What OpenClaw says of it is a stranger's text, so it is output and no remark of ours. */
function endingOf(answer: StoredAnswer | undefined, { platform, chat }: PlanOf<'bridge_send'>['action']): Ending {
  const output = (text: string): Pick<RunReport, 'output'> => ({ output: `${neutralText(text).replaceAll('\n', ' ').slice(0, 1_000)}\n` });
  if (answer?.state === 'delivered') return { status: 'exited', exitCode: 0, ...output(`sent to ${platform}/${chat}${answer.parts.length === 1 ? '' : ` in ${answer.parts.length} messages`}`) };
  if (answer?.state === 'failed' || answer?.state === 'discarded') return { status: 'exited', exitCode: 1, ...output(`not sent: ${answer.reason ?? 'no reason is known'}`) };
  const why = answer?.reason ?? 'There is no connection to OpenClaw, or it has not answered yet.';
  const until = answer === undefined ? 'for a day' : `until ${new Date(answer.expiresAt).toISOString()}`;
  return { status: 'exited', exitCode: notYet, detail: `It has not arrived yet. It is tried ${until} and listed as undelivered meanwhile; do not send it again.`, ...output(`not sent yet: ${why}`) };
}

const refused = (why: string): Ending => ({ status: 'refused', detail: `Nothing was sent. ${why}` });

function stoppedBefore({ cause }: RunContext<object>): Ending | undefined {
  const why = cause();
  return why === undefined ? undefined : stoppedAs(why, 'gateway');
}

const aborted = async (signal: AbortSignal): Promise<void> =>
  await new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
