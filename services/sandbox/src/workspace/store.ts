import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { emptyRevision, WorkspaceRefusedError, type OmittedEntry } from './archive-entry.ts';
import { normaliseArchive } from './archive.ts';

/** A workspace as it is at one moment. Runs of one conversation are serial, so it stays so until the run puts another. */
export interface WorkspaceHandle {
  readonly conversation: string;
  readonly revision: string;
  /** What its files occupy, in bytes. */
  readonly bytes: number;
  /** Its content as a tar archive, or null when it holds nothing. Fails at its end if the stored bytes are not those that were stored. */
  readTar(): Readable | null;
}

export interface PutResult {
  readonly revision: string;
  readonly bytes: number;
  readonly changed: boolean;
  /** Entries that were left out; the others are kept. */
  readonly omitted: readonly OmittedEntry[];
}

export interface WorkspaceStore {
  get(conversation: string): Promise<WorkspaceHandle>;
  /**
   * Replaces the workspace of a conversation by an archive, atomically: after a crash it is the earlier or the later one.
   * With `base`, only if the stored revision is still that one.
   * @throws WorkspaceRefusedError; the stored workspace is then as it was.
   */
  put(conversation: string, tar: Readable, maxBytes: number, base?: string): Promise<PutResult>;
  delete(conversation: string): Promise<void>;
}

const metadataSchema = z.object({
  version: z.literal(1),
  conversation: z.string(),
  revision: z.string(),
  bytes: z.number(),
  entries: z.number(),
  content: z.object({ file: z.string().regex(/^content-[0-9a-f-]+\.tar$/), sha256: z.string() }).nullable(),
  updatedAt: z.string(),
});
type Metadata = z.infer<typeof metadataSchema>;

const metadataFile = 'workspace.json';
/** A content file that no metadata names is being written, or was left by a crash; after this long it is the latter. */
const strayAfterMs = 3_600_000;

/**
 * The sandbox's own store: a folder for each conversation, named by the hash of its id, with the content as one tar file
 * and a metadata file that names it. The rename of the metadata is the moment of change.
 */
export async function openWorkspaceStore(options: { readonly root: string }): Promise<WorkspaceStore> {
  await mkdir(options.root, { recursive: true, mode: 0o700 });
  const turns = new Map<string, Promise<unknown>>();

  const folderOf = (conversation: string): string => join(options.root, createHash('sha256').update(conversation).digest('hex'));

  /** One change of a conversation at a time, so that the comparison with `base` holds until the rename. */
  const inTurn = async <T>(conversation: string, work: () => Promise<T>): Promise<T> => {
    const before = turns.get(conversation) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    turns.set(conversation, settled);
    try {
      return await mine;
    } finally {
      if (turns.get(conversation) === settled) turns.delete(conversation);
    }
  };

  const read = async (conversation: string): Promise<Metadata | undefined> => {
    let text: string;
    try {
      text = await readFile(join(folderOf(conversation), metadataFile), 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const parsed = metadataSchema.safeParse(parseJson(text));
    if (!parsed.success || parsed.data.conversation !== conversation) {
      throw new WorkspaceRefusedError('corrupt', 'the metadata of a stored workspace cannot be read');
    }
    return parsed.data;
  };

  const replace = async (conversation: string, tar: Readable, maxBytes: number, base?: string): Promise<PutResult> => {
    const folder = folderOf(conversation);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const earlier = await read(conversation);
    const earlierRevision = earlier?.revision ?? emptyRevision;
    if (base !== undefined && base !== earlierRevision) {
      tar.destroy();
      throw new WorkspaceRefusedError('conflict', 'the workspace was changed by another run in the meantime');
    }
    const file = `content-${randomUUID()}.tar`;
    try {
      const { summary, sha256 } = await writeContent(join(folder, file), tar, maxBytes);
      const changed = summary.revision !== earlierRevision;
      if (changed) {
        const metadata: Metadata = {
          version: 1,
          conversation,
          revision: summary.revision,
          bytes: summary.bytes,
          entries: summary.entries,
          content: summary.entries === 0 ? null : { file, sha256 },
          updatedAt: new Date().toISOString(),
        };
        await replaceDurably(folder, metadataFile, JSON.stringify(metadata));
      }
      return { revision: summary.revision, bytes: summary.bytes, changed, omitted: summary.omitted };
    } finally {
      await removeStrays(folder, (await read(conversation))?.content?.file, [file, earlier?.content?.file]);
    }
  };

  return {
    async get(conversation) {
      const metadata = await read(conversation);
      const content = metadata?.content;
      return {
        conversation,
        revision: metadata?.revision ?? emptyRevision,
        bytes: metadata?.bytes ?? 0,
        readTar: () => (content ? readVerified(join(folderOf(conversation), content.file), content.sha256) : null),
      };
    },
    put: async (conversation, tar, maxBytes, base) => {
      // Until its turn comes nobody listens to the archive, and its failure must not be the process's.
      tar.on('error', () => undefined);
      return await inTurn(conversation, async () => await replace(conversation, tar, maxBytes, base));
    },
    delete: async (conversation) =>
      await inTurn(conversation, async () => await rm(folderOf(conversation), { recursive: true, force: true })),
  };
}

async function writeContent(path: string, tar: Readable, maxBytes: number) {
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

function readVerified(path: string, sha256: string): Readable {
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

async function replaceDurably(folder: string, name: string, text: string): Promise<void> {
  const temporary = join(folder, `${name}.${randomUUID()}.tmp`);
  await writeFile(temporary, text, { mode: 0o600, flush: true });
  await rename(temporary, join(folder, name));
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Removes of `ours` what nothing names, and what else nothing names once it is old: a younger one may be being written elsewhere. */
async function removeStrays(folder: string, named: string | undefined, ours: readonly (string | undefined)[]): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name === named || name === metadataFile) continue;
    const path = join(folder, name);
    const age = await stat(path).then((info) => Date.now() - info.mtimeMs, () => 0);
    if (ours.includes(name) || age > strayAfterMs) await rm(path, { force: true });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
