import { mkdir, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** Which run a container was used for. The engine cannot be told: the labels of a container that waits are fixed. */
export interface RunNote {
  readonly boxId: string;
  readonly runId: string;
  readonly permitId: string;
}

/**
 * What the replicas of one MegaBot know of each other, in a folder that they share: who is alive, and whose container is used
 * for which run. It outlives each of them, so that the runs of one that is gone are reported, once, by whoever notices.
 */
export interface ReplicaState {
  /** Before the run starts. @throws when it cannot be written: the run must not start then. */
  note(note: RunNote): Promise<void>;
  forget(boxId: string): Promise<void>;
  /** Says that this replica is alive and looks who else is; to be called every few seconds. */
  beat(): Promise<void>;
  /** Replicas that let so many of our own beats pass without one of theirs: no clock is compared, and none can jump. */
  lapsed(): readonly string[];
  /** Whether a replica has ever been seen here. */
  knows(instance: string): boolean;
  /** Runs that a replica left behind, but for those in the given containers. Each is handed out once. */
  takeRuns(instance: string, except: (boxId: string) => boolean): Promise<readonly RunNote[]>;
  /** Removes what is known of a replica that lapsed. */
  bury(instance: string): Promise<void>;
}

const missedBeats = 5;
const beatSchema = z.object({ instance: z.string().min(1), beat: z.number() });
const noteSchema = z.object({ boxId: z.string(), runId: z.string(), permitId: z.string() });

export function openReplicaState(root: string, instance: string): ReplicaState {
  const seen = new Map<string, { beat: number; missed: number }>();
  // Begins anew with every process, and differs from what the one before it said last.
  let beat = Date.now();

  const folderOf = (name: string): string => join(root, `replica-${encodeURIComponent(name)}`);
  const noteFile = (boxId: string): string => join(folderOf(instance), `run-${boxId}.json`);
  const parse = async <T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> => {
    const text = await readFile(path, 'utf8').catch(() => '');
    try {
      return schema.safeParse(JSON.parse(text)).data;
    } catch {
      return undefined;
    }
  };
  const replace = async (folder: string, name: string, value: unknown): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const temporary = join(folder, `${name}.new`);
    await writeFile(temporary, JSON.stringify(value), { mode: 0o600 });
    await rename(temporary, join(folder, name));
  };

  return {
    async note(note) {
      const path = noteFile(note.boxId);
      const text = JSON.stringify(note);
      try {
        await writeFile(path, text, { flag: 'wx', mode: 0o600 });
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
        await mkdir(folderOf(instance), { recursive: true, mode: 0o700 });
        await writeFile(path, text, { flag: 'wx', mode: 0o600 });
      }
    },
    forget: async (boxId) => await rm(noteFile(boxId), { force: true }),
    async beat() {
      await replace(folderOf(instance), 'beat.json', { instance, beat: ++beat });
      for (const name of await readdir(root)) {
        const other = await parse(join(root, name, 'beat.json'), beatSchema);
        if (!other || other.instance === instance || folderOf(other.instance) !== join(root, name)) continue;
        const before = seen.get(other.instance);
        seen.set(other.instance, { beat: other.beat, missed: before?.beat === other.beat ? before.missed + 1 : 0 });
      }
    },
    lapsed: () => [...seen].filter(([, { missed }]) => missed >= missedBeats).map(([name]) => name),
    knows: (name) => seen.has(name),
    async takeRuns(name, except) {
      const folder = folderOf(name);
      const taken: RunNote[] = [];
      for (const file of await readdir(folder).catch(() => [])) {
        if (!file.startsWith('run-')) continue;
        const note = await parse(join(folder, file), noteSchema);
        if (note && except(note.boxId)) continue;
        // Of several replicas that notice at once, one removes the file, and that one reports.
        const mine = await unlink(join(folder, file)).then(() => true, () => false);
        if (note && mine) taken.push(note);
      }
      return taken;
    },
    async bury(name) {
      seen.delete(name);
      await rm(folderOf(name), { recursive: true, force: true });
    },
  };
}
