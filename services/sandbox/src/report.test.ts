import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RunReport } from '@megabot/contracts/run.ts';
import type { OutputChunk, RunResult } from './driver/port.ts';
import type { StopCause } from '@megabot/execution/report.ts';
import { reportOf } from './report.ts';
import { runResult } from './testing/held-driver.ts';

const printed = (...chunks: OutputChunk[]): Partial<RunResult> => ({ output: { stdout: new Uint8Array(), stderr: new Uint8Array(), chunks } });

suite('the report of a run', () => {
  test('is one that the contracts accept, with times in milliseconds', () => {
    const report = RunReport.parse(reportOf(runResult(), undefined));
    assert.deepEqual([report.startedAt, report.endedAt, report.workspaceRevision], [1_000, 2_000, 'after']);
  });

  const endings: { cause: StopCause | undefined; result: Partial<RunResult>; status: RunReport['status']; says?: RegExp }[] = [
    { cause: undefined, result: {}, status: 'exited' },
    { cause: undefined, result: { outcome: 'signalled', signal: 'SIGSEGV', exitCode: 139 }, status: 'signalled' },
    { cause: undefined, result: { outcome: 'oom', exitCode: null }, status: 'oom' },
    { cause: undefined, result: { outcome: 'cancelled', cancelReason: 'cancel' }, status: 'cancelled' },
    { cause: 'cancel', result: { outcome: 'cancelled', cancelReason: 'cancel' }, status: 'cancelled' },
    { cause: 'lockdown', result: { outcome: 'cancelled', cancelReason: 'lockdown' }, status: 'killed_by_lockdown', says: /lockdown/ },
    { cause: 'shutdown', result: { outcome: 'cancelled', cancelReason: 'shutdown' }, status: 'interrupted', says: /not run again/ },
    { cause: undefined, result: { outcome: 'cancelled', cancelReason: 'shutdown' }, status: 'interrupted', says: /not run again/ },
    { cause: 'interlock_lost', result: { outcome: 'cancelled', cancelReason: 'cancel' }, status: 'interrupted', says: /not run again/ },
    { cause: 'lockdown', result: { outcome: 'exited', exitCode: 0 }, status: 'exited' },
  ];
  for (const { cause, result, status, says } of endings) {
    test(`says ${status} for outcome ${result.outcome ?? 'exited'}${result.cancelReason ? ` by ${result.cancelReason}` : ''}, cause ${cause ?? 'none'}`, () => {
      const report = reportOf(runResult(result), cause);
      assert.equal(report.status, status);
      if (says) assert.match(report.detail ?? '', says);
    });
  }

  test('has both streams in the order they came, and characters that chunks cut are whole', () => {
    const euro = Buffer.from('€');
    const result = runResult(printed(
      { stream: 'stdout', bytes: Buffer.from('1') },
      { stream: 'stderr', bytes: Buffer.from('2') },
      { stream: 'stdout', bytes: euro.subarray(0, 1) },
      { stream: 'stdout', bytes: euro.subarray(1) },
    ));
    assert.equal(reportOf(result, undefined).output, '12€');
  });

  test('holds bytes that are no text as replacement characters, and no NUL, which the database refuses', () => {
    const result = runResult(printed({ stream: 'stdout', bytes: Uint8Array.of(0x61, 0x00, 0xff, 0x62) }));
    assert.equal(reportOf(result, undefined).output, 'a\u{FFFD}\u{FFFD}b');
  });

  test('has standard output byte for byte where it is no text, without standard error, and only there', () => {
    const bytes = Buffer.concat([Buffer.from('\u0089PNG', 'latin1'), Buffer.from(Array.from({ length: 256 }, (_, value) => value))]);
    const binary = (stdout: Uint8Array): string | undefined => reportOf(runResult({ output: { stdout, stderr: Buffer.from('noise'), chunks: [] } }), undefined).binaryOutput;
    assert.ok(Buffer.from(binary(bytes) ?? '', 'base64').equals(bytes));
    assert.ok(binary(Buffer.from('a\0b')) !== undefined);
    assert.deepEqual([binary(Buffer.from('text €\u001b[31m')), binary(new Uint8Array()), binary(Buffer.alloc(3 * 2 ** 20, 0xff))], [undefined, undefined, undefined]);
    const cut = { stdout: Buffer.from('euro €').subarray(0, 7), stderr: new Uint8Array(), chunks: [] };
    assert.equal(reportOf(runResult({ output: cut, truncated: true }), undefined).binaryOutput, undefined);
    RunReport.parse(reportOf(runResult({ output: { stdout: bytes, stderr: bytes, chunks: [] } }), undefined));
  });

  test('names the files that were changed', () => {
    const workspaceChanges = { total: 1, files: [{ path: 'a', size: 3, change: 'added' as const }] };
    assert.deepEqual(reportOf(runResult({ workspaceChanges }), undefined).changedFiles, workspaceChanges);
    assert.equal(reportOf(runResult(), undefined).changedFiles, undefined);
  });

  test('says that a simulated shell executed it', () => {
    assert.equal(reportOf(runResult({ driver: 'just-bash', simulated: true }), undefined).driver, 'just-bash (simulated shell)');
  });

  test('names what the workspace did not keep, five at most', () => {
    const omitted = Array.from({ length: 7 }, (_, index) => ({ path: `pipe-${index}`, reason: 'not a file' })) as unknown as RunResult['workspaceOmitted'];
    assert.equal(reportOf(runResult({ workspaceOmitted: omitted }), undefined).detail, 'Not kept in the workspace: pipe-0, pipe-1, pipe-2, pipe-3, pipe-4, ….');
  });

  test('fits into a message, whatever was printed, and says what it leaves out', () => {
    const worst = Buffer.alloc(2 * 2 ** 20, 1).fill(0xff, 0, 1);
    assert.ok(Buffer.byteLength(JSON.stringify(reportOf(runResult({ output: { stdout: worst, stderr: new Uint8Array(), chunks: [{ stream: 'stdout', bytes: worst }] } }), undefined))) < 7 * 2 ** 20);
    for (const bytes of [Buffer.alloc(4 * 2 ** 20, 1), Buffer.alloc(4 * 2 ** 20, 0xff), Buffer.from('😀'.repeat(2 ** 20))]) {
      const report = reportOf(runResult(printed({ stream: 'stdout', bytes })), undefined);
      assert.ok(Buffer.byteLength(JSON.stringify(report)) < 4 * 2 ** 20);
      assert.ok(report.truncated && report.droppedBytes > 0 && report.output.isWellFormed());
    }
    const small = reportOf(runResult(printed({ stream: 'stdout', bytes: Buffer.alloc(100_000, 1) })), undefined);
    assert.deepEqual([small.output.length, small.truncated, small.droppedBytes], [100_000, false, 0]);
  });
});
