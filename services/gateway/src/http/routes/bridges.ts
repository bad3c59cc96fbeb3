import { ServiceError } from '@megabot/contracts/errors.ts';
import { z } from 'zod';
import type { BridgeChannel } from '../../channels/bridge/channel.ts';
import { ownerOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

const Finding = z.object({ code: z.string(), level: z.enum(['alarm', 'warning']), message: z.string(), mend: z.string() });
const Undelivered = z.object({
  id: z.string(), platform: z.string(), chat: z.string(), state: z.string(), reason: z.string(), attempts: z.number().int(), createdAt: z.number().int(), expiresAt: z.number().int(),
});
/** Times in milliseconds since 1970. `off`: not set up; `standby`: another process of this MegaBot runs it. */
const Bridge = z.object({
  name: z.string(),
  state: z.enum(['off', 'standby', 'connecting', 'connected', 'waiting', 'refused']),
  since: z.number().int().optional(),
  address: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  mend: z.string().optional(),
  nextTryAt: z.number().int().optional(),
  gatewayVersion: z.string().optional(),
  counters: z.record(z.string(), z.number()),
  findings: z.array(Finding),
  undelivered: z.array(Undelivered),
});

const mostUndelivered = 100;

/** Bridges to messengers, for the owner: whether they work, what they found wrong, and what did not arrive. */
export function registerBridgeRoutes(app: HttpApp, { bridges }: HttpServices): void {
  const tags = ['bridges'];

  app.get('/api/v1/bridges', { schema: { tags, summary: 'Each bridge with its state, what it found wrong, and the answers that have not arrived and why', response: { 200: z.object({ bridges: z.array(Bridge) }) } } }, async (request) => {
    ownerOf(request);
    return { bridges: [await describe(bridges.openclaw)] };
  });

  app.post('/api/v1/bridges/openclaw/retry', { schema: { tags, summary: 'Try to connect now, also after a refusal', response: { 202: Bridge } } }, async (request, reply) => {
    ownerOf(request);
    const { openclaw } = bridges;
    if (!openclaw) throw new ServiceError('conflict', 'The bridge to OpenClaw is off.', { hint: 'Set OPENCLAW_URL (docs/openclaw.md), then start MegaBot again.' });
    if (!openclaw.retry()) throw new ServiceError('conflict', 'The bridge is run by another process of this MegaBot.', { hint: 'Repeat this in a few seconds: whoever holds the bridge may have gone.' });
    return await reply.code(202).send(await describe(openclaw));
  });
}

async function describe(channel: BridgeChannel | undefined): Promise<z.infer<typeof Bridge>> {
  if (!channel) return { name: 'openclaw', state: 'off', counters: {}, findings: [], undelivered: [] };
  const status = channel.status();
  return {
    name: 'openclaw',
    ...(status ? { ...status, counters: { ...status.counters }, findings: [...status.findings] } : { state: 'standby' as const, counters: {}, findings: [] }),
    undelivered: [...(await channel.undelivered(mostUndelivered))],
  };
}
