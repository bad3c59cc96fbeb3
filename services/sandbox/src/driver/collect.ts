import { Readable } from 'node:stream';
import type { Logger } from '@megabot/observability/logger.ts';
import { WorkspaceRefusedError } from '../workspace/archive-entry.ts';
import type { PutResult, WorkspaceStore } from '../workspace/store.ts';
import { collectExec, oomKillsIn } from './container-spec.ts';
import type { Engine } from './engine.ts';
import type { RunSpec } from './port.ts';
import type { Ending } from './run-result.ts';
import { signalOf } from './run-rules.ts';

/** After a command: ends what it left, brings its workspace back into the store, and says how it all ended. */
export function createCollector(deps: { engine: Engine; workspaces: WorkspaceStore; logger: Logger }): (containerId: string, spec: RunSpec, exitCode: number) => Promise<Ending> {
  const { engine, workspaces, logger } = deps;

  const put = async (spec: RunSpec, tar: Readable): Promise<{ put?: PutResult; detail?: string }> => {
    try {
      return { put: await workspaces.put(spec.conversation, tar, spec.limits.workspaceBytes, spec.workspace.revision) };
    } catch (error) {
      if (error instanceof WorkspaceRefusedError) return { detail: `The changes to the workspace were not kept: ${error.message}.` };
      if (!isDiskFull(error)) throw error;
      logger.error({ err: error, runId: spec.runId }, 'a workspace could not be stored');
      return { detail: 'The changes to the workspace were not kept: the disk of the sandbox is full. Free some space on it and run the command again.' };
    }
  };

  return async (containerId, spec, exitCode) => {
    const ended = { exitCode, signal: signalOf(exitCode) };
    const exec = await engine.exec(containerId, collectExec);
    let said = '';
    const archive = async function* (): AsyncGenerator<Uint8Array> {
      for await (const { stream, bytes } of exec.output) {
        if (stream === 'stdout') yield bytes;
        else if (said.length < 4096) said += Buffer.from(bytes).toString();
      }
      // Only a tar that says it is whole replaces the workspace.
      const code = await exec.exitCode();
      if (code !== 0) throw new Error(`the workspace could not be read back: tar ended with ${code}`);
    };
    const kept = await put(spec, Readable.from(archive(), { objectMode: false })).finally(() => exec.detach());
    if (exitCode !== 0 && oomKillsIn(said) > 0) return { outcome: 'oom', ...ended, ...kept };
    return { outcome: ended.signal === null ? 'exited' : 'signalled', ...ended, ...kept };
  };
}

export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
