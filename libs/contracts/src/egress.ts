import { z } from 'zod';
import { Id } from './ids.ts';
import { NetworkRequest } from './network.ts';

/**
 * What the sandbox and the egress proxy say to each other over a Unix socket that they alone share: one connection a run, one
 * line of JSON each way. The run has network for as long as its connection is open, so whichever side dies takes it away.
 * A sandbox whose run has left its network says the word `ended` and ends its side; the proxy answers with the summary and closes.
 * A connection that ends without the word was lost, and its network is kept back for a while.
 */
export const egressGoodbye = 'ended\n';

/** Asked first. */
export const EgressRequest = z.object({ runId: Id, network: NetworkRequest, lifetimeMs: z.number().int().positive().max(86_400_000) });
export type EgressRequest = z.infer<typeof EgressRequest>;

/** Networks that a run may join have names of this form alone: a proxy that was taken over cannot name the stack's own. */
export const RunNetworkName = z.string().regex(/^run-\d{1,2}$/);

/** `network` is the name in `docker-compose.yml` of the network that the run's container joins; `address` the proxy's in it. */
export const EgressReply = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), token: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/), network: RunNetworkName, address: z.ipv4(), port: z.number().int().min(1).max(65_535) }),
  z.object({ ok: z.literal(false), reason: z.enum(['busy', 'bad_request']) }),
]);
export type EgressReply = z.infer<typeof EgressReply>;

/** What a run did with its network, host by host. */
export const EgressSummary = z.object({ hosts: z.array(z.object({ host: z.string().max(253), connections: z.number().int(), refused: z.number().int(), bytes: z.number().int() })).max(65) });
export type EgressSummary = z.infer<typeof EgressSummary>;
