import type { Bus } from '@megabot/bus/port.ts';
import { BridgeReport, UndeliveredDecision, type PlatformReport } from '@megabot/contracts/bridge-report.ts';
import { configGet } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { z } from 'zod';
import type { BridgeChannel } from '../../channels/bridge/channel.ts';
import { ownerOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

const mostUndelivered = 100;

/** Bridges to messengers, for the owner: whether they work, what they found wrong, what did not arrive, and whom they answer. */
export function registerBridgeRoutes(app: HttpApp, { bridges, bus }: HttpServices): void {
  const tags = ['bridges'];

  app.get('/api/v1/bridges', { schema: { tags, summary: 'Each bridge with its state, its settings, what it found wrong, and the answers that have not arrived and why', response: { 200: z.object({ bridges: z.array(BridgeReport) }) } } }, async (request) => {
    ownerOf(request);
    return { bridges: [await describe(bridges.openclaw, bus)] };
  });

  app.post('/api/v1/bridges/openclaw/retry', { schema: { tags, summary: 'Try to connect now, also after a refusal', response: { 202: BridgeReport } } }, async (request, reply) => {
    ownerOf(request);
    const openclaw = switchedOn(bridges.openclaw);
    if (!openclaw.retry()) throw new ServiceError('conflict', 'The bridge is run by another process of this MegaBot.', { hint: 'Repeat this in a few seconds: whoever holds the bridge may have gone.' });
    return await reply.code(202).send(await describe(openclaw, bus));
  });

  for (const { decision, summary } of decisions) {
    const schema = { tags, summary, params: z.object({ id: z.string().min(1).max(256) }), response: { 200: UndeliveredDecision } };
    app.post(`/api/v1/bridges/openclaw/undelivered/:id/${decision}`, { schema }, async (request) => {
      ownerOf(request);
      return await switchedOn(bridges.openclaw).decide(request.params.id, decision);
    });
  }
}

const decisions = [
  { decision: 'discard', summary: 'Discard an answer that has not arrived: what of it is not being sent already is not sent any more' },
  { decision: 'retry', summary: 'Try an answer that has not arrived again now; one whose day is over gets another day' },
] as const;

function switchedOn(channel: BridgeChannel | undefined): BridgeChannel {
  if (!channel) throw new ServiceError('conflict', 'The bridge to OpenClaw is off.', { hint: 'Set OPENCLAW_URL (docs/openclaw.md), then start MegaBot again.' });
  return channel;
}

async function describe(channel: BridgeChannel | undefined, bus: Bus): Promise<BridgeReport> {
  const platforms = await platformsOf(bus);
  const settings = platforms === undefined ? {} : { platforms };
  if (!channel) return { name: 'openclaw', state: 'off', counters: {}, findings: [], undelivered: [], ...settings };
  const status = channel.status();
  return {
    name: 'openclaw',
    ...(status ? { ...status, counters: { ...status.counters }, findings: [...status.findings] } : { state: 'standby' as const, counters: {}, findings: [] }),
    undelivered: [...(await channel.undelivered(mostUndelivered))],
    ...settings,
  };
}

/** Undefined while the interlock does not answer: how the bridge stands is worth knowing all the same. */
async function platformsOf(bus: Bus): Promise<PlatformReport[] | undefined> {
  const settings = await bus.call(configGet, {}).catch((error: unknown) => {
    if (error instanceof ServiceError) return undefined;
    throw error;
  });
  return settings && Object.entries(settings.bridges?.openclaw.platforms ?? {}).map(([name, platform]) => ({ name, ...platform }));
}
