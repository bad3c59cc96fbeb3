import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Makes an answer one that a browser saves and never shows: bytes of no type, to be kept under a name (RFC 6266, RFC 8187). */
export function attachment(reply: FastifyReply, name: string): FastifyReply {
  const safe = name.toWellFormed().replaceAll(/[^\w.+ -]/g, '_').slice(0, 150);
  const exact = encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return reply
    .type('application/octet-stream')
    .header('content-disposition', `attachment; filename="${safe}"; filename*=UTF-8''${exact}`)
    .header('cache-control', 'no-store');
}

/** Bytes as the body of a route that is documented as text: Fastify sends both as they are, past every serializer. */
export const asBody = (bytes: Buffer | Readable): string => bytes as unknown as string;
