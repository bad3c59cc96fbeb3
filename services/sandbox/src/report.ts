import { isUtf8 } from 'node:buffer';
import type { RunReport } from '@megabot/contracts/run.ts';
import { stoppedAs, type StopCause } from '@megabot/execution/report.ts';
import type { RunResult } from './driver/port.ts';

/** The driver's result in the words of the contracts. */
export function reportOf(result: RunResult, cause: StopCause | undefined): RunReport {
  const { status, detail } = statusOf(result, cause);
  const output = fitting(textOf(result));
  return {
    status,
    exitCode: result.exitCode,
    signal: result.signal,
    output: output.text,
    truncated: result.truncated || output.dropped > 0,
    droppedBytes: result.droppedBytes + output.dropped,
    driver: result.simulated ? `${result.driver} (simulated shell)` : result.driver,
    detail,
    ...(result.workspaceChanges ? { changedFiles: result.workspaceChanges } : {}),
    ...binaryOf(result.output.stdout, result.truncated),
    workspaceRevision: result.workspaceRevision,
    startedAt: result.startedAt.getTime(),
    endedAt: result.endedAt.getTime(),
  };
}

/** What a report may hold of bytes that are no text; more would not fit beside the output into a message of the bus. */
const maxBinaryBytes = 2 * 1024 * 1024;

/** Standard output as it was, where text cannot stand for it: an image, an archive. */
function binaryOf(stdout: Uint8Array, cutOff: boolean): Pick<RunReport, 'binaryOutput'> {
  if (stdout.byteLength === 0 || stdout.byteLength > maxBinaryBytes || isText(stdout, cutOff)) return {};
  return { binaryOutput: Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength).toString('base64') };
}

/** Text that was cut off may end in the middle of a character, which has four bytes at most. */
function isText(bytes: Uint8Array, cutOff: boolean): boolean {
  if (bytes.includes(0)) return false;
  return [0, 1, 2, 3].slice(0, cutOff ? 4 : 1).some((missing) => isUtf8(bytes.subarray(0, Math.max(0, bytes.byteLength - missing))));
}

/** What a report may hold of output as JSON, where a control character takes six bytes: a message of the bus holds 8 MiB. */
const maxOutputJsonBytes = 3 * 1024 * 1024;

/** The beginning of a text that fits, and how many bytes of it do not. */
function fitting(text: string): { text: string; dropped: number } {
  let kept = text;
  for (let size = jsonBytes(kept); size > maxOutputJsonBytes; size = jsonBytes(kept)) {
    kept = kept.slice(0, Math.floor((kept.length * maxOutputJsonBytes) / size) - 1).toWellFormed();
  }
  return { text: kept, dropped: kept.length === text.length ? 0 : Buffer.byteLength(text) - Buffer.byteLength(kept) };
}

const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text));

function statusOf(result: RunResult, cause: StopCause | undefined): { status: RunReport['status']; detail: string | null } {
  if (result.outcome !== 'cancelled') return { status: result.outcome, detail: withOmissions(result) };
  // A run granted while the service stops was never told why; the driver knows.
  const stopped = stoppedAs(cause ?? result.cancelReason ?? 'cancel', 'sandbox');
  return { status: stopped.status, detail: stopped.detail ?? result.detail };
}

function withOmissions(result: RunResult): string | null {
  if (result.workspaceOmitted.length === 0) return result.detail;
  const names = result.workspaceOmitted.slice(0, 5).map((entry) => entry.path).join(', ');
  const note = `Not kept in the workspace: ${names}${result.workspaceOmitted.length > 5 ? ', …' : ''}.`;
  return result.detail === null ? note : `${result.detail} ${note}`;
}

/** Both streams in the order in which they came. A decoder for each stream, since a chunk may end inside a character. */
function textOf(result: RunResult): string {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  let text = '';
  for (const chunk of result.output.chunks) text += decoders[chunk.stream].decode(chunk.bytes, { stream: true });
  // PostgreSQL's text type holds every character but NUL.
  return (text + decoders.stdout.decode() + decoders.stderr.decode()).replaceAll('\0', '\u{FFFD}');
}
