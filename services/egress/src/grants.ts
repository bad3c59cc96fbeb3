import { createHash, randomBytes } from 'node:crypto';
import type { EgressRequest, EgressSummary } from '@megabot/contracts/egress.ts';

/** One of the networks that a run can be put into. At most one run is in each, so no run reaches another. */
export interface Slot {
  /** As `docker-compose.yml` names the network, without the project. */
  readonly network: string;
  /** The proxy's own address in it. */
  readonly address: string;
}

export interface GrantLimits {
  /** Connections of one run at a time. */
  readonly connections: number;
  /** Bytes of one run in both directions together. */
  readonly bytes: number;
  /** For how long nobody gets the network of a run that was lost with its sandbox, in milliseconds. */
  readonly quarantineMs: number;
}

/** What one run may reach, as long as it lasts. */
export interface Grant {
  readonly runId: string;
  readonly slot: Slot;
  /** Aborts when the run has ended or its time is up: every connection ends with it. */
  readonly signal: AbortSignal;
  allowsHost(host: string): boolean;
  /** The hosts in words, for whoever was refused. */
  readonly hosts: string;
  /** Takes a place among the connections of the run; the result gives it back. Undefined when all are taken. */
  enter(): (() => void) | undefined;
  /** Counts bytes; false once the run has used up its share. */
  count(bytes: number): boolean;
  /** What the run did, for its report. */
  record(use: { readonly host: string; readonly verdict: 'allowed' | 'refused'; readonly bytes: number }): void;
  readonly summary: EgressSummary['hosts'];
}

export interface OpenGrant {
  readonly grant: Grant;
  /** Known to the run alone; it is kept here as a hash. */
  readonly token: string;
  /**
   * Ends every connection and makes the token worthless. The network is free when its run is known to have left it, or, where the
   * sandbox is gone and cannot say so, once the engine has had time to end the container.
   */
  close(reason: 'ended' | 'lost'): void;
}

/** Names of hosts that one run's summary holds; a run that tries more names is counted under one. */
const maxHostsRemembered = 64;

/** The grants in force. They live in memory: when this process ends, so does every run's network. */
export function createGrants(slots: readonly Slot[], limits: GrantLimits) {
  const byToken = new Map<string, Grant>();
  const taken = new Set<Slot>();

  return {
    /** A grant with a network of its own, or undefined while every network is taken. */
    open(request: EgressRequest): OpenGrant | undefined {
      const slot = slots.find((candidate) => !taken.has(candidate));
      if (!slot) return undefined;
      const ended = new AbortController();
      const token = randomBytes(24).toString('base64url');
      const grant = createGrant(request, slot, limits, ended.signal);
      taken.add(slot);
      byToken.set(hashOf(token), grant);
      const end = (): void => {
        clearTimeout(timer);
        byToken.delete(hashOf(token));
        ended.abort();
      };
      // When only its time is up the network stays taken: the run's container may be in it until whoever asked says it is gone.
      const timer = setTimeout(end, request.lifetimeMs);
      timer.unref();
      let open = true;
      const close: OpenGrant['close'] = (reason) => {
        end();
        if (open && reason === 'ended') taken.delete(slot);
        else if (open) setTimeout(() => taken.delete(slot), limits.quarantineMs).unref();
        open = false;
      };
      return { grant, token, close };
    },
    /** The grant behind a token that came in from a slot's network; undefined for every other, also another run's own. */
    find: (token: string, slot: Slot): Grant | undefined => {
      const grant = byToken.get(hashOf(token));
      return grant?.slot === slot ? grant : undefined;
    },
    get free(): number {
      return slots.length - taken.size;
    },
  };
}
export type Grants = ReturnType<typeof createGrants>;

function createGrant(request: EgressRequest, slot: Slot, limits: GrantLimits, signal: AbortSignal): Grant {
  const { network } = request;
  const uses = new Map<string, { host: string; connections: number; refused: number; bytes: number }>();
  let connections = 0;
  let bytes = 0;
  return {
    runId: request.runId,
    slot,
    signal,
    allowsHost: (host) => network === 'internet' || network.hosts.includes(host),
    hosts: network === 'internet' ? 'every public host' : shortened(network.hosts.join(', ')),
    enter() {
      if (connections >= limits.connections) return undefined;
      connections++;
      let inside = true;
      return () => {
        if (inside) connections--;
        inside = false;
      };
    },
    count(more) {
      bytes += more;
      return bytes <= limits.bytes;
    },
    record({ host, verdict, bytes: moved }) {
      const name = uses.has(host) || uses.size < maxHostsRemembered ? host : 'others';
      const use = uses.get(name) ?? { host: name, connections: 0, refused: 0, bytes: 0 };
      if (verdict === 'allowed') use.connections++;
      else use.refused++;
      use.bytes += moved;
      uses.set(name, use);
    },
    get summary() {
      return [...uses.values()];
    },
  };
}

// It stands in a status line, for which programs have little room.
const shortened = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}...`);

// Looked up by its hash: comparing takes equally long whatever was guessed.
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
