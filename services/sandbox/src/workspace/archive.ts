import { createHash } from 'node:crypto';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack, type Header, type Pack } from 'tar-stream';
import {
  canonicalPath,
  leadsOut,
  maxWorkspaceEntries,
  maxWorkspaceNameBytes,
  occupiedBytes,
  parentsOf,
  revisionOf,
  WorkspaceRefusedError,
  type ArchiveEntry,
  type OmittedEntry,
} from './archive-entry.ts';

export interface ArchiveSummary {
  readonly revision: string;
  /** What the files occupy, in bytes, page by page. */
  readonly bytes: number;
  /** Everything that was kept, in the order of paths. */
  readonly manifest: readonly ArchiveEntry[];
  readonly omitted: readonly OmittedEntry[];
}

/**
 * Reads a tar archive from anyone and writes one that is safe to keep: relative names alone, folders before what is in
 * them, links last (so that filling never goes through one), no owners, no setuid bits, no devices, pipes, sockets or
 * hard links, no link that leads out of the workspace. What a run made is only ever data here: nothing is unpacked.
 * @throws WorkspaceRefusedError when the archive as a whole is not acceptable; `sink` then holds rubbish.
 */
export async function normaliseArchive(source: Readable, sink: Writable, maxBytes: number): Promise<ArchiveSummary> {
  const output = pack();
  const written = pipeline(output, sink);
  // The failure of the sink shows up as the failure of a write below; unobserved it would end the process.
  written.catch(() => undefined);
  try {
    const summary = await copySafeEntries(source, output, maxBytes);
    output.finalize();
    await written;
    return summary;
  } catch (error) {
    output.destroy(asError(error));
    await written.catch(() => undefined);
    if (error instanceof WorkspaceRefusedError) throw error;
    if (error instanceof Error && /^Invalid tar header|^Unexpected end of data/.test(error.message)) {
      throw new WorkspaceRefusedError('malformed', 'the archive of the workspace cannot be read', { cause: error });
    }
    throw error;
  }
}

async function copySafeEntries(source: Readable, output: Pack, maxBytes: number): Promise<ArchiveSummary> {
  const kept = new Map<string, ArchiveEntry>();
  const links = new Map<string, { target: string; mtime: Date }>();
  const omitted: OmittedEntry[] = [];
  let bytes = 0;
  let nameBytes = 0;
  const countName = (...names: string[]): void => {
    for (const name of names) nameBytes += Buffer.byteLength(name);
    if (nameBytes > maxWorkspaceNameBytes) throw new WorkspaceRefusedError('too_many_entries', `the names in the workspace are longer than ${maxWorkspaceNameBytes} bytes together`);
  };

  const makeParents = async (path: string): Promise<void> => {
    for (const parent of parentsOf(path)) {
      const there = kept.get(parent);
      if (links.has(parent) || (there !== undefined && there.type !== 'directory')) {
        throw new WorkspaceRefusedError('unsafe_name', `a name below something that is not a folder: ${JSON.stringify(path.slice(0, 200))}`);
      }
      if (there === undefined) await keepDirectory({ type: 'directory', path: parent, mode: 0o755, mtime: new Date(0) });
    }
  };
  const keepDirectory = async (entry: ArchiveEntry & { type: 'directory' }): Promise<void> => {
    countName(entry.path);
    kept.set(entry.path, entry);
    await writeHeader(output, { name: `${entry.path}/`, type: 'directory', mode: entry.mode, mtime: entry.mtime });
  };

  for await (const entry of entriesOf(source)) {
    const { header } = entry;
    countName(header.name, header.linkname ?? '');
    if (header.name.includes('\uFFFD') || header.linkname?.includes('\uFFFD')) {
      omitted.push({ path: header.name, reason: 'name_not_utf8' });
      entry.skip();
      continue;
    }
    const path = canonicalPath(header.name);
    const mtime = header.mtime;
    // A name its owner cannot read could not be brought back, nor can the archive hold a mode of 0.
    const mode = (header.mode & 0o777) | (header.type === 'directory' ? 0o500 : 0o400);
    if (path === '') {
      entry.skip();
      continue;
    }
    if (kept.size + links.size + omitted.length >= maxWorkspaceEntries) {
      throw new WorkspaceRefusedError('too_many_entries', `the workspace holds more than ${maxWorkspaceEntries} names`);
    }
    const earlier = kept.get(path);
    if (links.has(path) || (earlier !== undefined && !(earlier.type === 'directory' && header.type === 'directory'))) {
      throw new WorkspaceRefusedError('malformed', `a name that comes twice: ${JSON.stringify(path.slice(0, 200))}`);
    }
    await makeParents(path);
    switch (header.type) {
      case 'directory':
        entry.skip();
        if (earlier === undefined) await keepDirectory({ type: 'directory', path, mode, mtime });
        break;
      case 'symlink':
        entry.skip();
        links.set(path, { target: header.linkname ?? '', mtime });
        break;
      case 'file': {
        const { size } = header;
        bytes += occupiedBytes(size);
        if (bytes > maxBytes) throw new WorkspaceRefusedError('too_large', `the workspace is larger than ${maxBytes} bytes`);
        const sha256 = await copyFile(entry.content, output, { name: path, type: 'file', size, mode, mtime });
        kept.set(path, { type: 'file', path, mode, mtime, size, sha256 });
        break;
      }
      default:
        entry.skip();
        omitted.push({ path, reason: 'special_file' });
    }
  }

  const targets = new Map([...links].map(([path, link]) => [path, link.target]));
  for (const [path, link] of links) {
    if (link.target === '' || leadsOut(path, targets)) {
      omitted.push({ path, reason: 'leads_out' });
      continue;
    }
    kept.set(path, { type: 'symlink', path, mtime: link.mtime, target: link.target });
    await writeHeader(output, { name: path, type: 'symlink', linkname: link.target, mode: 0o777, mtime: link.mtime });
  }
  return { revision: revisionOf(kept.values()), bytes, manifest: [...kept.values()].sort((one, other) => (one.path < other.path ? -1 : 1)), omitted };
}

export interface TarEntry {
  readonly header: Omit<Header, 'linkname'> & { readonly linkname: string | null };
  /** To be read to its end, or skipped, before the next entry comes. */
  readonly content: AsyncIterable<Uint8Array>;
  skip(): void;
}

/** The entries of a tar stream. A source that fails fails the iteration. */
export async function* entriesOf(source: Readable): AsyncGenerator<TarEntry> {
  const reader = extract();
  const read = pipeline(source, reader);
  read.catch(() => undefined);
  for await (const entry of reader) {
    const content = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* entry as unknown as AsyncIterable<Uint8Array>;
      } catch (error) {
        // An entry says only that it was cut off; the stream it was cut from says why.
        await read;
        throw error;
      }
    };
    yield { header: entry.header, content: content(), skip: () => void entry.resume() };
  }
  await read;
}

type EntryHeader = Parameters<Pack['entry']>[0];

/** Writes one entry without content. */
export async function writeHeader(output: Pack, header: EntryHeader): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    output.entry({ ...header, uid: 0, gid: 0 }, (error) => (error ? reject(asError(error)) : resolve()));
  });
}

/** Copies one file's content and returns its SHA-256 in hex. */
export async function copyFile(content: AsyncIterable<Uint8Array>, output: Pack, header: EntryHeader & { size: number }): Promise<string> {
  const hash = createHash('sha256');
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void => reject(asError(error));
    const sink = output.entry({ ...header, uid: 0, gid: 0 }, (error) => (error ? fail(error) : resolve()));
    sink.on('error', fail);
    // An archive that is given up closes its entries without a word; a copy that waits for room would wait for ever.
    sink.on('close', () => fail(new Error('the archive was closed while it was written')));
    const copy = async (): Promise<void> => {
      for await (const chunk of content) {
        hash.update(chunk);
        if (!sink.write(chunk)) await new Promise<void>((drained) => sink.once('drain', () => drained()));
      }
      sink.end(undefined);
    };
    copy().catch(fail);
  });
  return hash.digest('hex');
}

/**
 * An archive that `write` produces while it is read. It fails as `write` does; once the reader has given it up,
 * what `write` makes of that concerns nobody.
 */
export function producedArchive(write: (output: Pack) => Promise<void>): Readable {
  const output = pack();
  output.on('error', () => undefined);
  write(output).then(
    () => output.finalize(),
    (error: unknown) => output.destroy(asError(error)),
  );
  return Readable.from(output, { objectMode: false });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
