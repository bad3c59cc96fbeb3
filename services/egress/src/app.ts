import { chmod, rm } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createAddressRule, type AddressRule } from './address-rule.ts';
import { closeServer, createControl } from './control.ts';
import { createDialer, createResolver, type Open, type Resolve } from './dial.ts';
import { createEvents } from './events.ts';
import { createGrants, type GrantLimits, type Slot } from './grants.ts';
import { createProxy, type ProxyLimits } from './proxy.ts';

export interface EgressOptions {
  /** Unix socket that the sandbox asks at. */
  readonly controlPath: string;
  readonly slots: readonly Slot[];
  /** The same in every network; 0, for tests, takes any. */
  readonly port: number;
  /** Ranges that are never reached, besides those that are not public anyway and the networks of this container itself. */
  readonly denied: readonly string[];
  readonly connectMs?: number;
  readonly grantLimits?: GrantLimits;
  readonly proxyLimits?: ProxyLimits;
}

export interface EgressDeps {
  readonly logger: Logger;
  readonly rule?: AddressRule;
  readonly resolve?: Resolve;
  readonly open?: Open;
}

export const defaultGrantLimits: GrantLimits = { connections: 64, bytes: 2 * 2 ** 30, quarantineMs: 15_000 };
export const defaultProxyLimits: ProxyLimits = { connections: 128, headMs: 10_000, idleMs: 120_000 };

/** Starts the proxy in every network of a run, and the socket where the sandbox asks for grants. */
export async function startEgress(options: EgressOptions, deps: EgressDeps): Promise<{ close(): Promise<void> }> {
  const { logger } = deps;
  const lifecycle = new Lifecycle(logger);
  const events = createEvents(logger);
  const grants = createGrants(options.slots, options.grantLimits ?? defaultGrantLimits);
  const rule = deps.rule ?? createAddressRule([...options.denied, ...ownNetworks()]);
  const dialer = createDialer({ rule, resolve: deps.resolve ?? createResolver(), connectMs: options.connectMs ?? 10_000, ...(deps.open ? { open: deps.open } : {}) });

  const ports = new Map<Slot, number>();
  for (const slot of options.slots) {
    const server = createProxy(slot, options.proxyLimits ?? defaultProxyLimits, { grants, dialer, events });
    own(lifecycle, server, `proxy in ${slot.network}`);
    // In this network alone: nothing listens towards the outside.
    await listening(server, () => server.listen({ host: slot.address, port: options.port }));
    const address = server.address();
    ports.set(slot, typeof address === 'object' && address !== null ? address.port : options.port);
  }
  const control = createControl(grants, (slot) => ports.get(slot) ?? options.port, events);
  own(lifecycle, control, 'control');
  await rm(options.controlPath, { force: true });
  await listening(control, () => control.listen(options.controlPath));
  await chmod(options.controlPath, 0o600);
  return { close: async () => await lifecycle.close() };
}

function own(lifecycle: Lifecycle, server: Server, name: string): void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  lifecycle.own('intake', name, async () => await closeServer(server, sockets));
}

async function listening(server: Server, listen: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}

/** The networks of this container are the stack's own, whatever addresses the operator gave them. */
function ownNetworks(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap((address) => (address.cidr === null || address.cidr.includes('%') ? [] : [address.cidr]));
}
