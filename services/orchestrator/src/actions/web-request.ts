import { Agent, request, type Dispatcher } from 'undici';
import type { PlanOf } from '@megabot/contracts/action.ts';
import type { RunReport } from '@megabot/contracts/run.ts';
import { NotPublicError, publicLookup, requirePublicLiteral, type Resolve } from './public-address.ts';

type Outcome = Pick<RunReport, 'status'> & Partial<RunReport>;

export interface WebDeps {
  /** Whether the owner lets anything leave this machine at all. */
  readonly localOnly: () => Promise<boolean>;
  readonly resolve?: Resolve;
  /** Carries requests instead of a socket; for tests. */
  readonly dispatcher?: Dispatcher;
}

/** What a request may not choose: they frame the message, or name another host than the one that was approved. */
const reserved: ReadonlySet<string> = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'expect', 'te', 'trailer', 'keep-alive', 'proxy-connection', 'accept-encoding']);
const shownHeaders = ['content-type', 'content-length', 'location', 'last-modified', 'etag', 'retry-after'];

/**
 * Makes one request, as it was approved, and says what came back. No redirect is followed, and only addresses of the public
 * internet are connected to. Aborting `signal` ends it; whatever else happens is an outcome.
 */
export async function webRequest({ action, limits }: PlanOf<'web_request'>, signal: AbortSignal, deps: WebDeps): Promise<Outcome> {
  if (await deps.localOnly()) {
    return refused('local_only is on in config/meta-config.yaml: nothing is fetched from beyond this machine and its network. The owner can turn it off.');
  }
  const name = Object.keys(action.headers).find((header) => reserved.has(header.toLowerCase()));
  if (name !== undefined) return refused(`The header ${name} cannot be chosen.`);
  const timeout = AbortSignal.timeout(limits.wallMs);
  const agent = deps.dispatcher ?? new Agent({ connect: { lookup: publicLookup(deps.resolve), timeout: Math.min(limits.wallMs, 10_000) } });
  try {
    const url = new URL(action.url);
    requirePublicLiteral(url);
    const reply = await request(url, {
      method: action.method,
      headers: { 'user-agent': 'megabot', ...action.headers, 'accept-encoding': 'identity' },
      ...(action.body === null ? {} : { body: action.body }),
      dispatcher: agent,
      signal: AbortSignal.any([signal, timeout]),
    });
    return await answerOf(reply, limits.outputBytes);
  } catch (error) {
    if (signal.aborted) throw error;
    if (timeout.aborted) return { status: 'timeout', detail: `No whole answer came within ${limits.wallMs / 1_000} seconds.` };
    return failureOf(new URL(action.url).host, error);
  } finally {
    if (deps.dispatcher === undefined) void agent.destroy();
  }
}

const refused = (detail: string): Outcome => ({ status: 'refused', detail });

async function answerOf(reply: Dispatcher.ResponseData, maxBytes: number): Promise<Outcome> {
  const chunks: Buffer[] = [];
  let [kept, dropped] = [0, 0];
  for await (const chunk of reply.body as AsyncIterable<Buffer>) {
    const part = chunk.subarray(0, maxBytes - kept);
    kept += part.length;
    dropped += chunk.length - part.length;
    chunks.push(part);
    // What does not end is not waited for; how much more there would be is not known then.
    if (dropped > maxBytes) break;
  }
  const type = headerOf(reply, 'content-type') ?? '';
  const body = isText(type) ? Buffer.concat(chunks).toString('utf8').replaceAll('\0', '\u{FFFD}') : `(${kept + dropped} bytes that are no text, not shown)`;
  const head = [`HTTP status ${reply.statusCode}`, ...shownHeaders.flatMap((name) => (headerOf(reply, name) === undefined ? [] : [`${name}: ${headerOf(reply, name)}`]))];
  const redirected = reply.statusCode >= 300 && reply.statusCode < 400 ? 'Redirects are not followed.' : null;
  return { status: 'exited', exitCode: reply.statusCode < 400 ? 0 : 1, output: `${head.join('\n')}\n\n${body}`, truncated: dropped > 0, droppedBytes: dropped, detail: redirected };
}

function headerOf(reply: Dispatcher.ResponseData, name: string): string | undefined {
  const value = reply.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

const isText = (type: string): boolean => type === '' || /^text\/|[/+](json|xml|yaml|javascript|x-www-form-urlencoded)\b|charset=/i.test(type);

/** Codes of failures before anything was sent. */
const unreachable = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EACCES', 'EPERM', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);

function failureOf(host: string, error: unknown): Outcome {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof NotPublicError) return refused(`Nothing was sent: ${cause.message}.`);
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== undefined && unreachable.has(code)) {
      return refused(`Nothing was sent: ${host} cannot be reached (${code}). As it is set up, MegaBot's stack has no way out to the internet; in standalone, this machine may be offline.`);
    }
  }
  return { status: 'engine_failure', detail: `The connection to ${host} broke off. Whether the request was carried out there is not known.` };
}
