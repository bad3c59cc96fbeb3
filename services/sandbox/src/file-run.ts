import type { RunReport } from '@megabot/contracts/run.ts';
import { plainReport, stoppedAs, type StopCause } from '@megabot/execution/report.ts';
import { WorkspaceRefusedError } from './workspace/archive-entry.ts';
import { changeFiles, FilesMovedError, type FilePlan } from './workspace/change-files.ts';
import type { PutResult, WorkspaceHandle, WorkspaceStore } from './workspace/store.ts';

/** What reports name as the driver: nothing is started for a change of files. */
const driver = 'workspace';

/** Changes files in the store, without a container, unless it was `stopped` before it began. Every outcome is a report. */
export async function runFileChange(workspaces: WorkspaceStore, plan: FilePlan, workspace: WorkspaceHandle, stopped: StopCause | undefined): Promise<RunReport> {
  const startedAt = Date.now();
  const before = workspace.revision;
  if (stopped !== undefined) return plainReport({ ...stoppedAs(stopped, 'sandbox'), driver, workspaceRevision: before, startedAt, endedAt: Date.now() });
  try {
    const put = await changeFiles(workspaces, workspace, plan);
    return plainReport({ status: 'exited', exitCode: 0, output: `${wordsOf(plan)}\n`, detail: omissions(put), changedFiles: put.changes, driver, workspaceRevision: put.revision, startedAt, endedAt: Date.now() });
  } catch (error) {
    if (!(error instanceof WorkspaceRefusedError) && !(error instanceof FilesMovedError)) throw error;
    const detail = error instanceof FilesMovedError ? `Nothing was changed: ${error.message}. Propose it again to see what it would change now.` : `Nothing was changed: ${error.message}.`;
    return plainReport({ status: 'refused', detail, driver, workspaceRevision: before, startedAt, endedAt: Date.now() });
  }
}

function wordsOf(plan: FilePlan): string {
  switch (plan.kind) {
    case 'file_write':
      return plan.files.map((file) => `wrote ${file.path} (${Buffer.byteLength(file.content)} bytes)`).join('\n');
    case 'file_delete':
      return plan.changes.map((change) => `deleted ${change.path}`).join('\n');
    case 'file_move':
      return `moved ${plan.from} to ${plan.to}`;
  }
}

const omissions = ({ omitted }: PutResult): string | null => (omitted.length === 0 ? null : `Not kept in the workspace: ${omitted.slice(0, 5).map(({ path }) => path).join(', ')}${omitted.length > 5 ? ', …' : ''}.`);
