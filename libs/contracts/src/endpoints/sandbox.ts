import { z } from 'zod';
import { WorkspacePath } from '../action.ts';
import { defineEndpoint } from '../endpoint.ts';
import { Id, Timestamp } from '../ids.ts';

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

/** One name of a workspace. `size` in bytes, 0 for what is no file; `target` of a link alone. */
export const WorkspaceEntry = z.object({ path: z.string(), type: z.enum(['file', 'directory', 'symlink']), size: z.number().int().nonnegative(), modifiedAt: Timestamp, target: z.string().optional() });
export type WorkspaceEntry = z.infer<typeof WorkspaceEntry>;

/** What a conversation's workspace holds, in the order of paths, from the one after `after`; and what it occupies in all. */
export const filesList = defineEndpoint({
  service: 'sandbox', name: 'files-list', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ conversation: Id, after: z.string().max(4_096).optional(), limit: z.number().int().min(1).max(1_000).default(500) }),
  reply: z.object({ revision: z.string(), bytes: z.number().int(), entries: z.number().int(), files: z.array(WorkspaceEntry), hasMore: z.boolean() }),
});

/** A part of one file, shorter at its end. `hash` is the SHA-256 of the whole. With `revision`, only if the workspace is still that one. */
export const fileRead = defineEndpoint({
  service: 'sandbox', name: 'file-read', callers: ['gateway'], errors: ['not_found', 'conflict', 'unavailable'], timeoutMs: 20_000,
  request: z.object({ conversation: Id, path: WorkspacePath, start: z.number().int().nonnegative(), length: z.number().int().min(1).max(1_048_576), revision: z.string().optional() }),
  reply: z.object({ revision: z.string(), size: z.number().int(), hash: z.string(), data: z.base64() }),
});
