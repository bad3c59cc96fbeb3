import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RunLimits } from '@megabot/contracts/action.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { ContainerOptions } from './container-spec.ts';
import { within } from './deadline.ts';
import { ImageMissingError, type Engine } from './engine.ts';
import { cgroupParentOf, chooseRuntime, type RuntimeChoice } from './runtime.ts';
import { seccompProfile } from './seccomp-profile.ts';
import type { RunSpec } from './port.ts';

/** What the runs of this MegaBot look like: enough to make a container ready before the first of them. */
export type ExpectedRun = Pick<RunSpec, 'image' | 'limits'>;

/** What the driver knows of the engine and of the runs to come, so that a run need not ask. */
export interface Surroundings {
  /** Of all containers: the operator's options, and the best that this engine has. */
  containerOptions(): Promise<ContainerOptions>;
  /** The digest that an image's name stood for at the last look. @throws ImageMissingError */
  imageId(image: string): Promise<string>;
  /** Whether an allowed image has this digest: one that was built anew has another. */
  isCurrent(imageId: string): boolean;
  /** Looks at the engine again. */
  refresh(): Promise<void>;
  look(): Promise<{ readonly missing: readonly string[]; readonly said: string }>;
  /** Keeps what a run looked like for the next start of this service. */
  remember(run: ExpectedRun): void;
  /** What the last run looked like, if its image is there. */
  expected(): readonly (ExpectedRun & { readonly imageId: string })[];
}

interface SurroundingsOptions {
  readonly project: string;
  readonly instance: string;
  readonly runtime: string;
  readonly allowedImages: readonly string[];
  readonly stateFolder: string;
}

const expectedSchema = z.object({ image: z.string(), limits: RunLimits });

export function openSurroundings(options: SurroundingsOptions, deps: { engine: Engine; logger: Logger; stepMs: number }): Surroundings {
  const { engine, logger, stepMs } = deps;
  const file = join(options.stateFolder, 'expected-run.json');
  const imageIds = new Map<string, string>();
  let runtime: (RuntimeChoice & { readonly version: string; readonly cgroupParent: string | undefined }) | undefined;
  let expected: ExpectedRun | undefined;
  let remembered: string | undefined;

  const refresh = async (): Promise<void> => {
    const looking = Promise.all([engine.info(), Promise.all(options.allowedImages.map(async (image) => [image, await engine.imageId(image)] as const))]);
    const [info, ids] = await within(looking, 'look at the engine', stepMs);
    runtime = { ...chooseRuntime(info, options.runtime), version: info.version, cgroupParent: cgroupParentOf(info) };
    for (const [image, id] of ids) {
      if (id === undefined) imageIds.delete(image);
      else imageIds.set(image, id);
    }
    if (remembered === undefined) await recall();
  };

  const recall = async (): Promise<void> => {
    remembered = await readFile(file, 'utf8').catch(() => '');
    if (remembered === '') return;
    const found = expectedSchema.safeParse(parseJson(remembered));
    if (found.success && options.allowedImages.includes(found.data.image)) expected ??= found.data;
  };

  return {
    async containerOptions() {
      if (!runtime) await refresh();
      return {
        project: options.project,
        instance: options.instance,
        seccompProfile,
        ...(runtime?.runtime === undefined ? {} : { runtime: runtime.runtime }),
        ...(runtime?.cgroupParent === undefined ? {} : { cgroupParent: runtime.cgroupParent }),
      };
    },
    async imageId(image) {
      const known = imageIds.get(image);
      if (known !== undefined) return known;
      const id = await within(engine.imageId(image), 'look up the image', stepMs);
      if (id === undefined) throw new ImageMissingError(`the container engine does not have the image ${image}`);
      imageIds.set(image, id);
      return id;
    },
    isCurrent: (imageId) => [...imageIds.values()].includes(imageId),
    refresh,
    async look() {
      await refresh();
      const missing = options.allowedImages.filter((image) => !imageIds.has(image));
      return { missing, said: `Docker Engine ${runtime?.version}, ${runtime?.said}, own seccomp profile` };
    },
    remember({ image, limits }) {
      expected = { image, limits };
      const text = JSON.stringify(expected);
      if (text === remembered) return;
      remembered = text;
      mkdir(options.stateFolder, { recursive: true, mode: 0o700 })
        .then(async () => await writeFile(file, text, { mode: 0o600 }))
        .catch((error: unknown) => logger.warn({ err: error }, 'what runs look like could not be kept; the first one after a restart will start cold'));
    },
    expected() {
      const imageId = expected && imageIds.get(expected.image);
      return expected === undefined || imageId === undefined ? [] : [{ ...expected, imageId }];
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
