import { z } from 'zod';
import { defineEndpoint } from '../endpoint.ts';

/** Whether runs can start, and by which driver. */
export const ping = defineEndpoint({
  service: 'sandbox', name: 'ping', callers: ['gateway'], errors: ['unavailable'], timeoutMs: 4_000,
  request: z.object({}), reply: z.object({ ok: z.boolean(), detail: z.string(), driver: z.string(), simulated: z.boolean(), running: z.number().int() }),
});
