import { OneTimeCode } from '@megabot/contracts/approval.ts';
import { configGet, OneTimeCodes, totpConfirm, totpEnroll, totpRemove, totpStatus } from '@megabot/contracts/endpoints/interlock.ts';
import { z } from 'zod';
import { ownerOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

const Holder = totpEnroll.request.omit({ actor: true });

/** One-time codes of admins behind a messenger (RFC 6238): set up and taken away by the owner alone. */
export function registerOneTimeCodeRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['one-time codes'];
  const Status = z.object({ admins: z.array(Holder), enrolled: z.array(OneTimeCodes) });

  app.get('/api/v1/one-time-codes', { schema: { tags, summary: 'Who is listed as an admin of a messenger, and who of them has codes; never a secret', response: { 200: Status } } }, async (request) => {
    ownerOf(request);
    const [{ bridges }, { enrolled }] = await Promise.all([bus.call(configGet, {}), bus.call(totpStatus, {})]);
    const admins = Object.entries(bridges?.openclaw.platforms ?? {}).flatMap(([platform, settings]) => settings.admins.map((sender) => ({ platform, sender })));
    return { admins, enrolled };
  });

  app.post(
    '/api/v1/one-time-codes',
    {
      schema: {
        tags, summary: 'Make a secret for a listed admin', body: Holder, response: { 201: totpEnroll.reply },
        description: 'The `otpauth://` address holds the secret and is given this once. It counts when a first code has confirmed it, within ten minutes.',
      },
    },
    async (request, reply) => {
      const enrolled = await bus.call(totpEnroll, { ...request.body, actor: ownerOf(request) });
      return await reply.header('cache-control', 'no-store').code(201).send(enrolled);
    },
  );

  app.post('/api/v1/one-time-codes/confirm', { schema: { tags, summary: 'Put a secret into use by showing a first code', body: Holder.extend({ code: OneTimeCode }), response: { 200: OneTimeCodes } } }, async (request) =>
    await bus.call(totpConfirm, { ...request.body, actor: ownerOf(request) }));

  app.delete('/api/v1/one-time-codes', { schema: { tags, summary: 'Take an admin\'s codes away', body: Holder, response: { 204: z.null() } } }, async (request, reply) => {
    await bus.call(totpRemove, { ...request.body, actor: ownerOf(request) });
    return await reply.code(204).send(null);
  });
}
