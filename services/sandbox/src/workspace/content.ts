import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { canonicalPath, WorkspaceRefusedError } from './archive-entry.ts';
import { entriesOf, normaliseArchive, type ArchiveSummary } from './archive.ts';

/** Writes a made-safe copy of an archive to a new file, on disk when this resolves. */
export async function writeContent(path: string, tar: Readable, maxBytes: number): Promise<{ summary: ArchiveSummary; sha256: string }> {
  const hash = createHash('sha256');
  const hashed = new PassThrough();
  hashed.on('data', (chunk: Uint8Array) => hash.update(chunk));
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  const written = pipeline(hashed, file);
  written.catch(() => undefined);
  const summary = await normaliseArchive(tar, hashed, maxBytes);
  await written;
  return { summary, sha256: hash.digest('hex') };
}

/** A stored archive; fails at its end if it is not what was stored. */
export function readVerified(path: string, sha256: string): Readable {
  return Readable.from(
    (async function* () {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
        hash.update(chunk);
        yield chunk;
      }
      if (hash.digest('hex') !== sha256) throw new WorkspaceRefusedError('corrupt', 'the stored workspace is not what was stored');
    })(),
    { objectMode: false },
  );
}

/** Where each file's bytes are in an archive, for the archives that were read lately: a large file is read in many pieces. */
export function createRangeReader() {
  const known = new Map<string, Promise<ReadonlyMap<string, { offset: number; size: number }>>>();

  const placesIn = async (path: string) => {
    const places = new Map<string, { offset: number; size: number }>();
    for await (const entry of entriesOf(createReadStream(path))) {
      const { type, name, size } = entry.header;
      const offset: unknown = Reflect.get(entry.header, 'byteOffset');
      if (type === 'file' && typeof offset === 'number') places.set(canonicalPath(name), { offset, size: size ?? 0 });
      entry.skip();
    }
    return places;
  };

  /** A part of one file, shorter at the file's end. Undefined where the archive has no such file. */
  return async (archive: string, path: string, start: number, length: number): Promise<Uint8Array | undefined> => {
    let places = known.get(archive);
    if (!places) {
      places = placesIn(archive);
      known.set(archive, places);
      places.catch(() => known.delete(archive));
      const [oldest] = known.keys();
      if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
    }
    const place = (await places).get(path);
    if (!place) return undefined;
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, place.size - start)));
    const file = await open(archive, 'r');
    try {
      const { bytesRead } = await file.read(bytes, 0, bytes.length, place.offset + start);
      if (bytesRead !== bytes.length) throw new WorkspaceRefusedError('corrupt', 'the stored workspace ends early');
      return bytes;
    } finally {
      await file.close();
    }
  };
}

const maxKnown = 8;
