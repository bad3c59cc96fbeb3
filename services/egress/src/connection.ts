import type { Socket } from 'node:net';
import type { Events } from './events.ts';
import type { Grant } from './grants.ts';
import type { Target } from './target.ts';

/** A connection that was let through. */
export interface Connection {
  readonly target: Target;
  readonly upstream: Socket;
  /** Aborts when it has to end: the run is over, or has used up its bytes. */
  readonly signal: AbortSignal;
  /** Ends it, counts and logs it, and lets the next one in; only the first call does. `refused`: it was not let through after all. */
  end(reason: string, verdict?: 'allowed' | 'refused'): void;
}

/** Bytes are counted on the socket this often; a share is exceeded by what passes in between. */
const meterMs = 100;

export function openConnection(grant: Grant, target: Target, upstream: Socket, leave: () => void, events: Events): Connection {
  const { host, port } = target;
  const startedAt = performance.now();
  const address = upstream.remoteAddress ?? null;
  const ended = new AbortController();
  let counted = 0;

  const count = (): boolean => {
    const moved = upstream.bytesWritten + upstream.bytesRead;
    const within = grant.count(moved - counted);
    counted = moved;
    return within;
  };
  const end: Connection['end'] = (reason, verdict = 'allowed') => {
    if (ended.signal.aborted) return;
    clearInterval(meter);
    grant.signal.removeEventListener('abort', runOver);
    count();
    leave();
    grant.record({ host, verdict, bytes: counted });
    if (verdict === 'refused') events.connectionRefused({ runId: grant.runId, host, port, reason });
    else {
      const ms = Math.round(performance.now() - startedAt);
      events.connectionEnded({ runId: grant.runId, host, port, address, bytesSent: upstream.bytesWritten, bytesReceived: upstream.bytesRead, ms, reason });
    }
    ended.abort();
    upstream.destroy();
  };
  const runOver = (): void => end('the run has ended');
  const meter = setInterval(() => {
    if (!count()) end('the run has used up its bytes');
  }, meterMs);

  upstream.on('error', () => end('broken off'));
  upstream.once('close', () => end('closed'));
  grant.signal.addEventListener('abort', runOver, { once: true });
  if (grant.signal.aborted) runOver();
  return { target, upstream, signal: ended.signal, end };
}
