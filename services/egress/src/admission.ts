import type { IncomingMessage } from 'node:http';
import { openConnection, type Connection } from './connection.ts';
import { DialRefused, type Dialer } from './dial.ts';
import type { Events } from './events.ts';
import type { Grant, Grants, Slot } from './grants.ts';
import { TargetRefused, type Target } from './target.ts';

/** What is answered instead of a connection. `message` is one line of ASCII that the command's program shows. */
export interface Refusal {
  readonly status: 400 | 403 | 405 | 407 | 429 | 502 | 504;
  readonly message: string;
}

export type Admission = { readonly connection: Connection } | { readonly refusal: Refusal };

export interface AdmissionDeps {
  readonly grants: Grants;
  readonly dialer: Dialer;
  readonly events: Events;
}

/**
 * The one way to a connection: who asks, then what for, then whether it is granted, and only then a name is resolved. So a
 * command can send nothing out in the names that it asks for.
 */
export async function admit(request: IncomingMessage, slot: Slot, read: () => Target, deps: AdmissionDeps): Promise<Admission> {
  const { grants, events } = deps;
  const token = tokenOf(request);
  const grant = token === undefined ? undefined : grants.find(token, slot);
  if (!grant) {
    events.strangerRefused(slot.network, token === undefined ? 'no token' : 'unknown token');
    return { refusal: { status: 407, message: 'no network was granted to this command, or its time is over' } };
  }
  let target: Target;
  try {
    target = read();
  } catch (error) {
    if (!(error instanceof TargetRefused)) throw error;
    return refuse(grant, undefined, { status: error.status, message: error.message }, events);
  }
  const outcome = await connectionTo(grant, target, deps);
  return 'status' in outcome ? refuse(grant, target, outcome, events) : { connection: outcome };
}

async function connectionTo(grant: Grant, target: Target, { dialer, events }: AdmissionDeps): Promise<Connection | Refusal> {
  const { host, port } = target;
  if (!grant.allowsHost(host)) return { status: 403, message: `${host} was not granted to this command; granted: ${grant.hosts}` };
  if (!grant.count(0)) return { status: 403, message: 'this command has used up what it may send and receive' };
  const leave = grant.enter();
  if (!leave) return { status: 429, message: 'this command has too many connections open' };
  try {
    return openConnection(grant, target, await dialer.dial(host, port, grant.signal), leave, events);
  } catch (error) {
    leave();
    if (!(error instanceof DialRefused)) throw error;
    return { status: error.status, message: error.message };
  }
}

function refuse(grant: Grant, target: Target | undefined, refusal: Refusal, events: Events): Admission {
  const host = target?.host ?? 'an address that is never reached';
  grant.record({ host, verdict: 'refused', bytes: 0 });
  events.connectionRefused({ runId: grant.runId, host, port: target?.port ?? 0, reason: refusal.message });
  return { refusal };
}

/** The password of `Proxy-Authorization: Basic`, whatever the user's name; undefined where the header is anything else. */
function tokenOf(request: IncomingMessage): string | undefined {
  const values = request.headersDistinct['proxy-authorization'] ?? [];
  const [, encoded] = /^basic +([A-Za-z0-9+/]{1,400}={0,2})$/i.exec(values.length === 1 ? (values[0] ?? '') : '') ?? [];
  if (encoded === undefined) return undefined;
  const [, token] = /^[^:]{0,64}:([A-Za-z0-9_-]{1,200})$/.exec(Buffer.from(encoded, 'base64').toString('latin1')) ?? [];
  return token;
}
