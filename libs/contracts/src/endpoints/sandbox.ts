import { z } from 'zod';
import { WorkspacePath } from '../action.ts';
import { defineEndpoint } from '../endpoint.ts';
import { Id } from '../ids.ts';

/** Whether runs can start, and by which driver. */
export const ping = defineEndpoint({
  service: 'sandbox', name: 'ping', callers: ['gateway'], errors: ['unavailable'], timeoutMs: 4_000,
  request: z.object({}), reply: z.object({ ok: z.boolean(), detail: z.string(), driver: z.string(), simulated: z.boolean(), running: z.number().int() }),
});

/**
 * What single files of a conversation's workspace hold now. `unusable`: a folder, a link, or a name below something that is no
 * folder. `text` is null for a file that is no text, or too large to be shown.
 */
export const workspaceRead = defineEndpoint({
  service: 'sandbox', name: 'workspace-read', callers: ['interlock', 'gateway'], errors: ['bad_request', 'unavailable'],
  request: z.object({ conversation: Id, paths: z.array(WorkspacePath).min(1).max(64) }),
  reply: z.object({
    revision: z.string(),
    files: z.array(z.object({ path: WorkspacePath, state: z.enum(['file', 'missing', 'unusable']), hash: z.string().nullable(), size: z.number().int().nonnegative(), text: z.string().nullable() })),
  }),
});
