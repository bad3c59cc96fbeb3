import { z } from 'zod';
import { defineEndpoint } from '../endpoint.ts';

/** Whether the model answers, for the health page: a state, not a failure of the service. */
export const ping = defineEndpoint({
  service: 'orchestrator', name: 'ping', callers: ['gateway'], errors: ['unavailable'], timeoutMs: 4_000,
  request: z.object({}), reply: z.object({ ok: z.boolean(), detail: z.string(), model: z.object({ configured: z.boolean(), reachable: z.boolean(), name: z.string().nullable(), address: z.string().nullable(), detail: z.string() }) }),
});
