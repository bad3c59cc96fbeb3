import { once } from 'node:events';
import { uniqueWord } from '@megabot/testing/native-client.ts';
import type { CommandTimes, MegabotChat } from './chat.ts';
import { launch, type Environment } from './processes.ts';
import { sandboxImage } from './stack.ts';

/** The name of the floor in the results. */
export const dockerRun = 'docker run';

/** An approved `echo`, in every target and by `docker run` of the same image, interleaved. */
export async function measureCommands(
  targets: readonly MegabotChat[],
  options: { rounds: number; withDocker: boolean; environment: Environment; signal: AbortSignal },
): Promise<Map<string, CommandTimes[]>> {
  const contenders = [
    ...targets.map((target) => ({ name: target.name, take: async (word: string) => await target.runApproved(`echo ${word}`, word) })),
    ...(options.withDocker ? [{ name: dockerRun, take: async (word: string) => await runInDocker(word, options.environment) }] : []),
  ];
  const times = new Map<string, CommandTimes[]>(contenders.map(({ name }) => [name, []]));
  for (let round = -1; round < options.rounds; round++) {
    for (let offset = 0; offset < contenders.length; offset++) {
      options.signal.throwIfAborted();
      const contender = contenders[(round + 1 + offset) % contenders.length];
      if (!contender) continue;
      const taken = await contender.take(uniqueWord());
      if (round >= 0) times.get(contender.name)?.push(taken);
    }
  }
  return times;
}

async function runInDocker(word: string, environment: Environment): Promise<CommandTimes> {
  const started = performance.now();
  const child = launch('docker', ['run', '--rm', '--network', 'none', sandboxImage, 'echo', word], environment);
  let firstOutputMs: number | undefined;
  child.stdout?.on('data', () => (firstOutputMs ??= performance.now() - started));
  child.stderr?.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0 || firstOutputMs === undefined) throw new Error(`docker run ended with ${code ?? 'a signal'}`);
  return { firstOutputMs, finalMs: performance.now() - started };
}
