import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ChangedFile, ChangedFiles } from '@megabot/contracts/run.ts';
import { z } from 'zod';
import { canonicalPath, type ArchiveEntry } from './archive-entry.ts';
import { entriesOf } from './archive.ts';

const common = { path: z.string(), mtime: z.coerce.date() };
const manifestSchema = z.array(
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('file'), ...common, mode: z.number(), size: z.number(), sha256: z.string() }),
    z.object({ type: z.literal('directory'), ...common, mode: z.number() }),
    z.object({ type: z.literal('symlink'), ...common, target: z.string() }),
  ]),
);

/** Everything of a workspace but the content of its files, in the order of paths. */
export type Manifest = readonly ArchiveEntry[];

export const manifestText = (manifest: Manifest): string => JSON.stringify(manifest);
/** Undefined for what is no manifest. */
export const parseManifest = (text: string): Manifest | undefined => manifestSchema.safeParse(parseJson(text)).data;

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of a workspace that was stored before manifests were: read from its archive. */
export async function manifestOfTar(tar: Readable): Promise<Manifest> {
  const entries: ArchiveEntry[] = [];
  for await (const { header, content, skip } of entriesOf(tar)) {
    const { mode, mtime, linkname } = header;
    const path = canonicalPath(header.name);
    if (header.type === 'file') {
      const hash = createHash('sha256');
      for await (const chunk of content) hash.update(chunk);
      entries.push({ type: 'file', path, mode, mtime, size: header.size ?? 0, sha256: hash.digest('hex') });
    } else {
      skip();
      if (header.type === 'directory') entries.push({ type: 'directory', path, mode, mtime });
      else entries.push({ type: 'symlink', path, mtime, target: linkname ?? '' });
    }
  }
  return entries.sort((one, other) => (one.path < other.path ? -1 : 1));
}

const maxListed = 100;

/** What became of files and links between two states of a workspace; folders are not counted. */
export function changesBetween(before: Manifest, after: Manifest): ChangedFiles {
  const earlier = new Map(before.map((entry) => [entry.path, entry]));
  const later = new Map(after.map((entry) => [entry.path, entry]));
  const changed: ChangedFile[] = [];
  for (const entry of after) {
    if (entry.type === 'directory') continue;
    const was = earlier.get(entry.path);
    if (was === undefined || was.type === 'directory') changed.push({ path: entry.path, size: sizeOf(entry), change: 'added' });
    else if (!alike(was, entry)) changed.push({ path: entry.path, size: sizeOf(entry), change: 'changed' });
  }
  for (const entry of before) {
    if (entry.type === 'directory') continue;
    const is = later.get(entry.path);
    if (is === undefined || is.type === 'directory') changed.push({ path: entry.path, size: sizeOf(entry), change: 'removed' });
  }
  // What a version control keeps for itself comes last: a commit changes dozens of such files.
  changed.sort((one, other) => Number(isOfGit(one)) - Number(isOfGit(other)) || (one.path < other.path ? -1 : 1));
  return { total: changed.length, files: changed.slice(0, maxListed) };
}

const isOfGit = ({ path }: ChangedFile): boolean => /(^|\/)\.git\//.test(path);
const sizeOf = (entry: ArchiveEntry): number => (entry.type === 'file' ? entry.size : 0);

function alike(one: ArchiveEntry, other: ArchiveEntry): boolean {
  if (one.type === 'file') return other.type === 'file' && one.sha256 === other.sha256 && one.mode === other.mode;
  return one.type === 'symlink' && other.type === 'symlink' && one.target === other.target;
}
