import { Agent, fetch as undiciFetch } from 'undici';
import { brokenOff, refusedElsewhere, statusError, tooLong, tooQuiet, unreachable } from './link-errors.ts';
import { checkedLookup, requireLocalLiteral, type Resolve } from './local-address.ts';
import { ModelError } from './port.ts';
import { nameOf, type ServerName } from './server-address.ts';
import { AnswerTooLong, streamLimits, watchBody, wholeLimits, type WatchedBody } from './watched-body.ts';

export interface ModelLinkOptions {
  /** Where the model server is; nothing else is ever connected to. */
  readonly url: URL;
  /** The Unix socket through which it is reached instead of by its host. */
  readonly socketPath?: string | undefined;
  /** How messages call it, where that is not the URL. */
  readonly shown?: ServerName | undefined;
  readonly localOnly: boolean;
  readonly allowedHosts: readonly string[];
  readonly apiKey?: string | undefined;
  /** How long the server may say nothing, before the first byte and between two, in milliseconds. */
  readonly idleTimeoutMs: number;
}

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** The connections to one model server. */
export interface ModelLink {
  /**
   * Runs one exchange. A client library gets its `fetch`, and whatever the library makes of a failure,
   * the caller gets the `ModelError` that says what happened on the wire.
   * @throws {ModelError}
   */
  exchange<Result>(signal: AbortSignal, work: (fetch: Fetch) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;
const drainMs = 1_000;
/** What the protocols need. The client libraries would also tell the server platform, versions and retry counts. */
const passedHeaders = ['accept', 'content-type'];

/** Opens no connection yet. A proxy named in the environment is not used: the address checked is the one connected to. */
export function createModelLink(options: ModelLinkOptions, deps: { resolve?: Resolve | undefined } = {}): ModelLink {
  // A socket is on this machine: there is no name to look up and no address to judge.
  const socket = options.socketPath === undefined ? {} : { socketPath: options.socketPath };
  const lookup = options.localOnly ? { lookup: checkedLookup(options, deps.resolve) } : {};
  // Silence is watched here, to the millisecond and with an error of ours, so undici's own timers are off.
  const agent = new Agent({ connect: { ...lookup, ...socket, timeout: connectTimeoutMs }, headersTimeout: 0, bodyTimeout: 0 });

  return {
    async exchange(signal, work) {
      const exchange = new Exchange(options, agent, signal);
      try {
        const result = await work(exchange.fetch);
        if (exchange.failure) throw exchange.failure;
        void exchange.release();
        return result;
      } catch (error) {
        exchange.abandon();
        if (signal.aborted) throw new ModelError('aborted', 'The request to the model was cancelled.', { cause: error });
        if (exchange.failure) throw exchange.failure;
        throw error instanceof ModelError ? error : brokenOff(nameOf(options), error);
      }
    },
    close: async () => await agent.destroy(),
  };
}

/** What one exchange holds: the first failure, the watch over the server's silence, and the bodies under way. */
class Exchange {
  failure: ModelError | undefined;
  readonly #options: ModelLinkOptions;
  readonly #agent: Agent;
  readonly #signal: AbortSignal;
  readonly #over = new AbortController();
  readonly #bodies: WatchedBody[] = [];
  #watch: NodeJS.Timeout | undefined;

  constructor(options: ModelLinkOptions, agent: Agent, signal: AbortSignal) {
    this.#options = options;
    this.#agent = agent;
    this.#signal = signal;
  }

  readonly fetch: Fetch = async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { url: base, localOnly, apiKey, idleTimeoutMs } = this.#options;
    const server = nameOf(this.#options);
    this.#stopWatch();
    this.#watch = setTimeout(() => {
      this.failure ??= tooQuiet(server, idleTimeoutMs);
      this.#over.abort();
    }, idleTimeoutMs);
    try {
      if (url.origin !== base.origin) throw refusedElsewhere(url);
      if (localOnly) requireLocalLiteral(url.hostname, this.#options);
      const response = await undiciFetch(url, {
        method: init.method ?? 'GET',
        headers: headersFor(init.headers, apiKey),
        body: typeof init.body === 'string' ? init.body : null,
        redirect: 'manual',
        dispatcher: this.#agent,
        signal: AbortSignal.any([this.#signal, this.#over.signal, ...(init.signal ? [init.signal] : [])]),
      });
      if (!response.ok) throw await statusError(server, response, apiKey);
      const contentType = response.headers.get('content-type') ?? '';
      const body = response.body && this.#watched(response.body, contentType, init.signal);
      return new Response(body, { status: response.status, headers: { 'content-type': contentType } });
    } catch (error) {
      this.failure ??= unreachable(server, error);
      throw this.failure;
    }
  };

  #watched(body: ReadableStream<Uint8Array>, contentType: string, librarySignal: AbortSignal | null | undefined): ReadableStream<Uint8Array> {
    const limits = /event-stream|ndjson/i.test(contentType) ? streamLimits : wholeLimits;
    const watched = watchBody(body, limits, {
      onData: () => void this.#watch?.refresh(),
      onError: (error) => {
        // A library that gives up for a reason of its own breaks the body itself; that reason is the failure.
        if (!librarySignal?.aborted) this.failure ??= error instanceof AnswerTooLong ? tooLong(nameOf(this.#options)) : brokenOff(nameOf(this.#options), error);
      },
    });
    this.#bodies.push(watched);
    return watched.stream;
  }

  /**
   * After success. A library stops reading at the protocol's own end mark, before the body's end:
   * reading the rest leaves the connection usable, and a server that does not end it is cut off.
   */
  async release(): Promise<void> {
    this.#stopWatch();
    const deadline = setTimeout(() => this.#over.abort(), drainMs).unref();
    await Promise.allSettled(this.#bodies.map(async (body) => await body.drain()));
    clearTimeout(deadline);
  }

  /** After failure: the connection is closed. */
  abandon(): void {
    this.#stopWatch();
    this.#over.abort();
  }

  /** Forgotten too, because a byte that comes late would start a cleared timer again. */
  #stopWatch(): void {
    clearTimeout(this.#watch);
    this.#watch = undefined;
  }
}

function headersFor(given: RequestInit['headers'], apiKey: string | undefined): Record<string, string> {
  const headers = new Headers(given);
  const passed = passedHeaders.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(passed), 'user-agent': 'megabot', ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}) };
}
