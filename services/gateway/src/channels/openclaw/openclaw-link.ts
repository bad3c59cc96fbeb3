import { AbortError, retry } from '@megabot/lifecycle/backoff.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { parseAddress, type GatewayAddress } from './address.ts';
import { connect, defaultConnectionLimits, type Connection, type ConnectionLimits } from './connection.ts';
import { chooseCredential } from './credential.ts';
import { createDoctor } from './doctor.ts';
import { LinkFailure, refused, RequestFailure, temporary } from './failure.ts';
import { openIdentity, type OpenClawIdentity } from './identity.ts';
import { createLink, type LinkState } from './link.ts';
import { createOutbound, type Answer } from './outbound.ts';
import { SessionList, SessionMessage, type Challenge } from './protocol.ts';
import type { Request } from './session-history.ts';
import { createSessionReader, oldestMs } from './session-reader.ts';
import { signChallenge } from './signature.ts';
import { describeState, newCounters, type OpenClawStatus } from './status.ts';
import type { BridgeStore, StoredAnswer } from './store.ts';
import { createTroubleLog } from './trouble-log.ts';
import type { InboundMessage } from './types.ts';

export interface OpenClawLinkOptions {
  /** `OPENCLAW_URL`; empty or undefined: the bridge is off. */
  readonly url: string | undefined;
  /** `OPENCLAW_AUTH_TOKEN`, needed once, to pair. */
  readonly authToken?: string | undefined;
  /** A folder of the bridge's own: its key and its sealed device token. */
  readonly stateDir: string;
  /** The installation's secret that the device token is sealed with. */
  readonly stateSecret: string;
  readonly localOnly: boolean;
  /** Of MegaBot, as the gateway's owner sees it. */
  readonly version: string;
  readonly store: BridgeStore;
  /**
   * Takes a person's message; resolves once it is stored. It may be called again with the same message after a crash or a
   * failure, so it must know messages by `messageKey`. A rejection has it tried again, before anything later of that session.
   */
  readonly onMessage: (message: InboundMessage) => Promise<void>;
  /** Told of every change, for log lines, metrics and the UI. */
  readonly onStatus?: (status: OpenClawStatus) => void;
  readonly logger: Logger;
  readonly clock?: () => number;
  readonly limits?: Partial<ConnectionLimits>;
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
  readonly steadyMs?: number;
}

export interface OpenClawLink extends AsyncDisposable {
  /** Begins to connect; the one bridge of an installation does so when it holds the lease. */
  start(): void;
  status(): OpenClawStatus;
  /** Stores an answer for a chat and sends it as soon as it can; the same id again does nothing. */
  send(answer: Answer): Promise<void>;
  /** Answers that have not arrived, and why; newest first. */
  undelivered(limit: number): Promise<readonly StoredAnswer[]>;
  /** The owner has decided about an answer in the store: looks at what is to be done now. */
  wake(): void;
  /** Another attempt now, also after a refusal. */
  retry(): void;
  /** Ends the connection and waits for what is under way. It does not start again. */
  close(): Promise<void>;
}

/** Events that come by themselves and mean nothing to us; all others are counted, and dropped as well. */
const expected: ReadonlySet<string> = new Set(['tick', 'sessions.changed', 'health', 'presence', 'shutdown']);
const sessionsAPage = 100;
const mostListed = 2_000;
const rememberedNonces = 1_000;

/** The bridge to one OpenClaw gateway: an untrusted peer that brings people's messages and takes answers to them. */
export function createOpenClawLink(options: OpenClawLinkOptions): OpenClawLink {
  const { store, logger, clock = Date.now } = options;
  const counters = newCounters();
  const warn = createTroubleLog(logger, clock);
  const doctor = createDoctor(clock);
  const nonces = new Set<string>();
  let identity: OpenClawIdentity | undefined;
  let bootId = '';

  const request: Request = async (method, params) => {
    if (link.state.name !== 'connected') throw new RequestFailure('unsent', 'not_connected', 'there is no connection to OpenClaw');
    return await link.state.connection.request(method, params);
  };
  const reader = createSessionReader({
    request, store, clock,
    async deliver(message) {
      await options.onMessage(message);
      counters.messages += 1;
    },
    onRows: (sessionKey, rows) => doctor.read(sessionKey, rows),
    onIgnored: (why) => void (counters[why === 'known' ? 'repeated' : why === 'too_old' ? 'too_old' : 'ignored'] += 1),
    onTrouble: (err, session) => warn({ err, session }, 'a session of OpenClaw could not be read; it is tried again'),
  });
  const outbound = createOutbound({
    request, store, clock,
    onDelivered: () => void (counters.answers_delivered += 1),
    onUndelivered(answer) {
      counters.attempts_failed += 1;
      warn({ answer: answer.id, platform: answer.address.platform, state: answer.state, attempts: answer.attempts, reason: answer.reason }, 'an answer has not arrived');
    },
    onTrouble: (err) => warn({ err }, 'answers could not be sent; they are tried again'),
  });

  const onEvent = (event: string, payload: unknown): void => {
    if (event === 'session.message') return onRow(payload);
    if (event === 'sessions.changed') return doctor.turn(payload);
    if (!expected.has(event)) counters.events_dropped += 1;
  };
  const onRow = (payload: unknown): void => {
    const row = SessionMessage.safeParse(payload);
    if (!row.success) return void (counters.frames_unreadable += 1);
    doctor.hear(row.data.sessionKey, row.data.message);
    if (!reader.wake(row.data.sessionKey)) counters.not_followed += 1;
  };

  /** A challenge is answered once: who shows an old one again wants a signature for something else. */
  const signOnce = (keys: OpenClawIdentity['keys'], token: string) => (challenge: Challenge) => {
    if (nonces.has(challenge.nonce)) throw refused('challenge_replayed', 'What answers at OPENCLAW_URL repeated an old challenge.', 'Look for something between MegaBot and OpenClaw that replays connections; then ask for another attempt.');
    nonces.add(challenge.nonce);
    for (const oldest of nonces) {
      if (nonces.size <= rememberedNonces) break;
      nonces.delete(oldest);
    }
    return signChallenge(keys, challenge, token);
  };

  const openOnce = async (): Promise<OpenClawIdentity> => {
    identity ??= await openIdentity(options.stateDir, options.stateSecret);
    if (identity.wasOpen) logger.warn({ directory: options.stateDir }, 'the key of the OpenClaw bridge could be read by others; it is closed now');
    return identity;
  };

  const dial = async (signal: AbortSignal): Promise<Connection> => {
    const address: GatewayAddress = parseAddress(options.url ?? '', { localOnly: options.localOnly });
    const { keys, ...rest } = await openOnce();
    const credential = await chooseCredential({ keys, ...rest }, address.url, options.authToken);
    signal.throwIfAborted();
    const connection = await connect({
      url: address.url, version: options.version, token: credential.token, sign: signOnce(keys, credential.token), limits: { ...defaultConnectionLimits, ...options.limits }, signal, onEvent,
      onUnreadable: () => void (counters.frames_unreadable += 1),
    });
    try {
      await credential.accepted(connection.hello);
      await subscribe(connection);
      return connection;
    } catch (error) {
      connection.close();
      if (error instanceof LinkFailure) throw error;
      // What ended the connection, where it was not we, says more than the request that failed by it, and how long to stay away.
      const end = await connection.ended;
      if (end.problem.reason !== 'closed_here') throw end;
      throw temporary('subscribe_failed', 'OpenClaw did not let the bridge follow its sessions.', 'OpenClaw to let it follow them; if it never does, OpenClaw\'s log says why', { cause: error });
    }
  };

  /** Follows all sessions from now on, and marks those that have changed of late as having news. */
  const subscribe = async ({ request }: Connection): Promise<void> => {
    for (let offset = 0; offset < mostListed; offset += sessionsAPage) {
      const { list } = SessionList.parse(await request('sessions.subscribe', { limit: sessionsAPage, offset }));
      for (const { key, updatedAt } of list.sessions) if ((updatedAt ?? clock()) > clock() - oldestMs) reader.wake(key);
      if (list.hasMore !== true) return;
    }
  };

  const onConnected = (connection: Connection): void => {
    counters.connections += 1;
    if (connection.hello.server.bootId !== bootId) doctor.reset(connection.greetedAt);
    bootId = connection.hello.server.bootId;
    const gone = new AbortController();
    void connection.ended.then(({ problem }) => {
      gone.abort();
      reader.pause();
      outbound.connected(false);
      if (problem.reason === 'frame_too_large') reader.shrinkPages();
    });
    retry(async () => await reader.resume(await store.begin(Math.min(connection.greetedAt, clock()))), {
      minMs: 500, maxMs: 30_000, attempts: Infinity, signal: gone.signal,
      onRetry: (err) => logger.warn({ err }, 'the bridge\'s cursors cannot be read; they are tried again'),
    }).catch((error: unknown) => {
      if (!(error instanceof AbortError)) logger.error({ err: error }, 'the bridge cannot follow OpenClaw');
    });
    outbound.connected(true);
  };

  const onState = (state: LinkState): void => {
    const shown = status();
    switch (state.name) {
      case 'refused':
        logger.error({ reason: shown.reason, mend: shown.mend }, `the OpenClaw bridge is refused: ${shown.message}`);
        break;
      case 'waiting':
        logger.warn({ reason: shown.reason, nextTryAt: shown.nextTryAt }, `the OpenClaw bridge waits: ${shown.message}`);
        break;
      case 'connected':
        logger.info({ gatewayVersion: shown.gatewayVersion, address: shown.address }, 'the OpenClaw bridge is connected');
        onConnected(state.connection);
        break;
      case 'off':
      case 'connecting':
        logger.debug({ state: state.name }, 'the OpenClaw bridge');
        break;
    }
    options.onStatus?.(shown);
  };
  const link = createLink({ dial, clock, onState, ...(options.backoff ? { backoff: options.backoff } : {}), ...(options.steadyMs === undefined ? {} : { steadyMs: options.steadyMs }) });

  const status = (): OpenClawStatus => ({
    state: link.state.name,
    since: link.since,
    ...(link.state.name === 'off' || options.url === undefined ? {} : { address: shownAddress(options.url, options.localOnly) }),
    ...describeState(link.state),
    counters: { ...counters },
    findings: doctor.findings,
  });

  const close = async (): Promise<void> => {
    reader.pause();
    await Promise.all([link.stop(), outbound.stop()]);
    await reader.stop();
  };
  return {
    start() {
      if (options.url !== undefined && options.url !== '') link.start();
    },
    status,
    send: async (answer) => await outbound.send(answer),
    undelivered: async (limit) => await store.undelivered(limit),
    wake: () => outbound.wake(),
    retry: () => link.retry(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function shownAddress(url: string, localOnly: boolean): string {
  try {
    return parseAddress(url, { localOnly }).shown;
  } catch {
    // It may hold a password or anything else; the problem says what is wrong with it.
    return '(not allowed)';
  }
}
