import type { OpenClaw } from './openclaw.ts';
import type { Stack } from './stack.ts';
import type { Standalone } from './standalone.ts';

/** Milliseconds from the command to ready, one a start. */
export interface StartTimes {
  readonly stackCold: readonly number[];
  readonly stackWarm: readonly number[];
  /** The gateway's own readiness within the warm starts; the command ends when every service is healthy. */
  readonly stackReadyz: readonly number[];
  readonly standaloneCold: readonly number[];
  readonly standaloneWarm: readonly number[];
  readonly openClaw: readonly number[];
}

const repeat = async <T>(times: number, work: () => Promise<T>): Promise<T[]> => {
  const results: T[] = [];
  for (let index = 0; index < times; index++) results.push(await work());
  return results;
};

/** Every target is up afterwards. Images are built, and packages installed, by a first start that does not count. */
export async function startStack(stack: Stack, rounds: number): Promise<Pick<StartTimes, 'stackCold' | 'stackWarm' | 'stackReadyz'>> {
  await stack.up();
  await stack.wipe();
  const cold = await stack.up();
  const warm = await repeat(rounds, async () => {
    await stack.down();
    return await stack.up();
  });
  return { stackCold: [cold.upMs], stackWarm: warm.map(({ upMs }) => upMs), stackReadyz: warm.map(({ readyzMs }) => readyzMs) };
}

export async function startStandalone(standalone: Standalone, rounds: number): Promise<Pick<StartTimes, 'standaloneCold' | 'standaloneWarm'>> {
  await standalone.start();
  const cold = await repeat(rounds, async () => {
    await standalone.wipe();
    return await standalone.start();
  });
  const warm = await repeat(rounds, async () => {
    await standalone.stop();
    return await standalone.start();
  });
  return { standaloneCold: cold, standaloneWarm: warm };
}

export async function startOpenClaw(openClaw: OpenClaw, rounds: number): Promise<Pick<StartTimes, 'openClaw'>> {
  await openClaw.start();
  const times = await repeat(rounds, async () => {
    await openClaw.stop();
    return await openClaw.start();
  });
  return { openClaw: times };
}
