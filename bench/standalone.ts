import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInstallation, readyUrl, type Installation } from './installation.ts';
import { end, launch, processTree, untilReady, type Environment, type ProcessEntry } from './processes.ts';

/** The one-process MegaBot, as `make up` starts it where no Docker engine answers. */
export interface Standalone {
  readonly installation: Installation;
  /** Resolves to the milliseconds from the start of `make up` to `/readyz`. */
  start(): Promise<number>;
  /** Stops it; data stays. */
  stop(): Promise<void>;
  wipe(): Promise<void>;
  processes(): Promise<ProcessEntry[]>;
}

export async function createStandalone(options: { within: string; base: Environment; modelPort: number; signal: AbortSignal }): Promise<Standalone> {
  const installation = await createInstallation({
    within: options.within,
    name: 'standalone',
    mode: 'standalone',
    firstPort: 28_110,
    modelUrl: `http://127.0.0.1:${options.modelPort}/v1`,
    base: options.base,
  });
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (child) await end(child);
    child = undefined;
  };
  return {
    installation,
    async start() {
      const started = performance.now();
      const begun = launch('infra/host/up.sh', [], installation.environment);
      child = begun;
      let said = '';
      const keep = (data: Buffer): void => {
        said = (said + data.toString('utf8')).slice(-2_000);
      };
      begun.stdout?.on('data', keep);
      begun.stderr?.on('data', keep);
      const early = new Promise<never>((_, reject) => begun.once('exit', (code) => reject(new Error(`standalone ended with ${code ?? 'a signal'}: ${said.slice(-800)}`))));
      await Promise.race([untilReady(readyUrl(installation), { timeoutMs: 90_000, signal: options.signal }), early]);
      return performance.now() - started;
    },
    stop,
    async wipe() {
      await stop();
      await rm(installation.home, { recursive: true, force: true });
    },
    async processes() {
      if (child?.pid === undefined) throw new Error('standalone is not running');
      return await processTree(child.pid);
    },
  };
}
