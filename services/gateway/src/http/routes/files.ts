import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Bus } from '@megabot/bus/port.ts';
import { WorkspacePath } from '@megabot/contracts/action.ts';
import { fileRead, filesList, WorkspaceEntry } from '@megabot/contracts/endpoints/sandbox.ts';
import { Id } from '@megabot/contracts/ids.ts';
import { z } from 'zod';
import { GatewayError } from '../../error-table.ts';
import type { HttpApp, HttpServices } from '../services.ts';
import { asBody, attachment } from './attachment.ts';

const partBytes = 1_048_576;

const ListQuery = z.object({ cursor: z.string().max(4_096).optional(), limit: z.coerce.number().int().min(1).max(1_000).default(500) });
const FileList = z.object({
  /** Of the workspace: another one means that its files have changed. */
  revision: z.string(),
  usage: z.object({ bytes: z.number().int(), entries: z.number().int() }),
  files: z.array(WorkspaceEntry),
  nextCursor: z.string().nullable(),
});

/** The files of a conversation's workspace. They are changed by actions alone, which the interlock judges. */
export function registerFileRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['files'];
  app.get('/api/v1/conversations/:id/files', { schema: { tags, summary: 'What the workspace holds, in the order of paths', params: z.object({ id: Id }), querystring: ListQuery, response: { 200: FileList } } }, async (request) => {
    const { cursor, limit } = request.query;
    const page = await bus.call(filesList, { conversation: request.params.id, limit, ...(cursor === undefined ? {} : { after: cursor }) });
    return { revision: page.revision, usage: { bytes: page.bytes, entries: page.entries }, files: page.files, nextCursor: page.hasMore ? (page.files.at(-1)?.path ?? null) : null };
  });

  app.get(
    '/api/v1/conversations/:id/files/*',
    { schema: { tags, summary: 'One file, as a download', params: z.object({ id: Id, '*': z.string() }), response: { 200: { description: 'The file', content: { 'application/octet-stream': { schema: z.string() } } } } } },
    async (request, reply) => {
      const path = WorkspacePath.safeParse(request.params['*']);
      if (!path.success) throw new GatewayError('bad_request', 'this is no path inside the workspace');
      const conversation = request.params.id;
      const first = await bus.call(fileRead, { conversation, path: path.data, start: 0, length: partBytes });
      // Whatever a command wrote: saved, never shown as a page, whatever its name ends in.
      void attachment(reply, path.data.split('/').at(-1) ?? 'file').header('content-length', String(first.size)).header('etag', `"${first.hash}"`);
      return await reply.send(asBody(Readable.from(partsOf(bus, { conversation, path: path.data }, first), { objectMode: false })));
    },
  );
}

type Part = z.infer<(typeof fileRead)['reply']>;

/** The rest of a file after its first part; breaks off where the file is not what its hash says. */
async function* partsOf(bus: Bus, of: { conversation: string; path: string }, first: Part): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let part = first;
  for (let sent = 0; ; ) {
    const bytes = Buffer.from(part.data, 'base64');
    hash.update(bytes);
    sent += bytes.byteLength;
    const last = sent >= first.size;
    if (last && hash.digest('hex') !== first.hash) throw new Error('a file of the workspace is not what its hash says');
    yield bytes;
    if (last) return;
    if (bytes.byteLength === 0) throw new Error('a file of the workspace ends early');
    part = await bus.call(fileRead, { ...of, start: sent, length: partBytes, revision: first.revision });
  }
}
