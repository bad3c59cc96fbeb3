import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ChangedFiles } from '@megabot/contracts/run.ts';
import { z } from 'zod';
import { emptyRevision, WorkspaceRefusedError, type OmittedEntry } from './archive-entry.ts';
import { createRangeReader, readVerified, writeContent } from './content.ts';
import { changesBetween, manifestOfTar, manifestText, parseJson, parseManifest, type Manifest } from './manifest.ts';

/** A workspace as it is at one moment. Runs of one conversation are serial, so it stays so until the run puts another. */
export interface WorkspaceHandle {
  readonly conversation: string;
  readonly revision: string;
  /** What its files occupy, in bytes. */
  readonly bytes: number;
  /** Its content as a tar archive, or null when it holds nothing. Fails at its end if the stored bytes are not those that were stored. */
  readTar(): Readable | null;
}

/** The same, to be looked into. */
export interface StoredWorkspace extends WorkspaceHandle {
  /** What it holds, without the content of its files. */
  manifest(): Promise<Manifest>;
  /** A part of one file's bytes; undefined where there is no such file, or no longer this workspace. */
  readRange(path: string, start: number, length: number): Promise<Uint8Array | undefined>;
}

export interface PutResult {
  readonly revision: string;
  readonly bytes: number;
  readonly changed: boolean;
  /** Entries that were left out; the others are kept. */
  readonly omitted: readonly OmittedEntry[];
  readonly changes: ChangedFiles;
}

export interface WorkspaceStore {
  get(conversation: string): Promise<StoredWorkspace>;
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
  /** Absent in a workspace that was stored by an earlier version. */
  manifest: z.string().regex(/^manifest-[0-9a-f-]+\.json$/).optional(),
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
  const readRange = createRangeReader();

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

  const manifestOf = async (metadata: Metadata | undefined): Promise<Manifest> => {
    if (!metadata?.content) return [];
    const folder = folderOf(metadata.conversation);
    const text = metadata.manifest === undefined ? '' : await readFile(join(folder, metadata.manifest), 'utf8').catch(() => '');
    // The archive itself is what counts: where there is no list of it, or none that can be read, it is made again.
    return parseManifest(text) ?? (await manifestOfTar(readVerified(join(folder, metadata.content.file), metadata.content.sha256)));
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
    const id = randomUUID();
    const [file, manifest] = [`content-${id}.tar`, `manifest-${id}.json`];
    try {
      const { summary, sha256 } = await writeContent(join(folder, file), tar, maxBytes);
      const changed = summary.revision !== earlierRevision;
      const changes = changed ? changesBetween(await manifestOf(earlier), summary.manifest) : { total: 0, files: [] };
      if (changed) {
        await writeFile(join(folder, manifest), manifestText(summary.manifest), { flag: 'wx', mode: 0o600, flush: true });
        const metadata: Metadata = {
          version: 1,
          conversation,
          revision: summary.revision,
          bytes: summary.bytes,
          entries: summary.manifest.length,
          content: summary.manifest.length === 0 ? null : { file, sha256 },
          manifest,
          updatedAt: new Date().toISOString(),
        };
        await replaceDurably(folder, metadataFile, JSON.stringify(metadata));
      }
      return { revision: summary.revision, bytes: summary.bytes, changed, omitted: summary.omitted, changes };
    } finally {
      const named = await read(conversation);
      await removeStrays(folder, [named?.content?.file, named?.manifest], [file, manifest, earlier?.content?.file, earlier?.manifest]);
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
        manifest: async () => await manifestOf(metadata),
        readRange: async (path, start, length) => (content ? await readRange(join(folderOf(conversation), content.file), path, start, length).catch(unlessReplaced) : undefined),
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
async function removeStrays(folder: string, named: readonly (string | undefined)[], ours: readonly (string | undefined)[]): Promise<void> {
  for (const name of await readdir(folder)) {
    if (named.includes(name) || name === metadataFile) continue;
    const path = join(folder, name);
    const age = await stat(path).then((info) => Date.now() - info.mtimeMs, () => 0);
    if (ours.includes(name) || age > strayAfterMs) await rm(path, { force: true });
  }
}


/** A workspace that was replaced while it was read is gone; whoever reads on finds that out by its revision. */
function unlessReplaced(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
