import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { launcherScript, launchInput, NotStartedError, outputAfterMark, quoted } from './launch.ts';
import type { OutputChunk, RunSpec } from './port.ts';

const folder = mkdtempSync(join(tmpdir(), 'megabot-launch-'));
after(() => rmSync(folder, { recursive: true }));

const spec: RunSpec = {
  runId: 'r', permitId: 'p', conversation: 'c', argv: ['true'], cwd: folder, env: {}, image: 'i', network: 'none',
  limits: { wallMs: 1, memoryBytes: 1, pids: 1, cpus: 1, outputBytes: 1, workspaceBytes: 1 },
  workspace: { conversation: 'c', revision: 'r', bytes: 0, readTar: () => null },
};
// Ending every process of the user is for a container; the rest of the script is what a container runs.
const script = launcherScript.replace('kill -9 -1\n', '');

async function launched(change: Partial<RunSpec>): Promise<{ code: number | null; out: string; err: string }> {
  const shell = spawn('/bin/sh', ['-c', script], { env: { PATH: '/usr/bin:/bin' } });
  const ended = new Promise<number | null>((resolve) => shell.once('close', resolve));
  Readable.from(launchInput({ ...spec, ...change }, null)).pipe(shell.stdin);
  const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr)]);
  return { code: await ended, out, err };
}

const word = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom("'", '"', '\\', '\n', '$', '`', ' ', 'é', '\u{81}', '\u{1F98A}', '!', '*', '-', '=') }))
  .map((value) => value.replaceAll('\0', '').toWellFormed());

suite('the words of a run', () => {
  test('reach the command as they are, whatever is in them', async () => {
    const value = fc.array(word, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(value, word, async (words, variable) => {
        const { out, err, code } = await launched({ argv: ['sh', '-c', 'printf "%s\\0" "$VALUE" "$@"', 'x', ...words], env: { VALUE: variable } });
        assert.deepEqual([code, err, out], [0, '+', `+${[variable, ...words].map((one) => `${one}\0`).join('')}`]);
      }),
      { numRuns: 60 },
    );
  });

  test('are one line, so that nothing in them ends it', () => {
    fc.assert(fc.property(word, (one) => !quoted(one).includes('\n')));
  });

  test('are never a variable, an option or a script of the launcher', async () => {
    assert.match((await launched({ argv: ['A=b', 'x'] })).err, /A=b/);
    assert.match((await launched({ argv: ['--help'] })).err, /--help/);
    assert.equal((await launched({ argv: ['echo', '$(touch evil)', '`touch evil`', "'; touch evil; '"] })).out, "+$(touch evil) `touch evil` '; touch evil; '\n");
    assert.equal((await launched({ argv: ['sh', '-c', 'echo "$words$cwd$fill"'], env: { IFS: 'x', PATH: '/usr/bin:/bin' } })).out, '+\n');
  });

  test('leave what follows to the command', async () => {
    assert.equal((await launched({ argv: ['cat'], stdin: 'line\n\u{1F98A}' })).out, '+line\n\u{1F98A}');
    assert.equal((await launched({ argv: ['cat'] })).out, '+');
  });
});

suite('the workspace of a run', () => {
  const told = async (chunks: readonly Uint8Array[]): Promise<Buffer> => await buffer(Readable.from(launchInput({ ...spec, argv: ['x'] }, Readable.from(chunks))));

  test('comes in counted pieces, and the word to go after all of them', async () => {
    const line = `'${folder}' 'yes' 'no' 'env' '--' 'x'\n`;
    assert.equal((await told([Buffer.from('ab'), Buffer.from('c')])).toString(), `${line}3\nabc0\ngo\n`);
    const large = await told([Buffer.alloc(1_500_000, 'x')]);
    assert.equal(large.toString().replaceAll('x', ''), `${line}1048576\n451424\n0\ngo\n`.replaceAll('x', ''));
  });

  test('that is damaged is never followed by the word to go', async () => {
    const damaged = (async function* () {
      yield Buffer.from('abc');
      throw new Error('damaged');
    })();
    const said: Uint8Array[] = [];
    await assert.rejects(async () => {
      for await (const piece of launchInput(spec, damaged)) said.push(piece);
    }, /damaged/);
    assert.doesNotMatch(Buffer.concat(said).toString(), /go/);
  });
});

suite('the output of a run', () => {
  const chunks = async function* (...parts: readonly (readonly [OutputChunk['stream'], string])[]): AsyncGenerator<OutputChunk> {
    for (const [stream, part] of parts) yield { stream, bytes: Buffer.from(part) };
  };
  const after = async (...parts: readonly (readonly [OutputChunk['stream'], string])[]): Promise<string[]> => {
    const said: string[] = [];
    for await (const { stream, bytes } of await outputAfterMark(chunks(...parts))) said.push(`${stream} ${Buffer.from(bytes).toString()}`);
    return said;
  };

  test('begins after the mark, and a second mark is output', async () => {
    assert.deepEqual(await after(['stdout', '+'], ['stdout', '+a'], ['stderr', '+b']), ['stdout +a', 'stderr b']);
    assert.deepEqual(await after(['stdout', '++a'], ['stderr', '+']), ['stdout +a']);
  });

  test('is whole where one stream is ahead of the other', async () => {
    assert.deepEqual(await after(['stderr', '+error'], ['stdout', '+'], ['stdout', 'out']), ['stderr error', 'stdout out']);
  });

  test('without the mark is none: the command did not start', async () => {
    await assert.rejects(after(['stderr', 'tar: broken']), (error) => error instanceof NotStartedError && /tar: broken/.test(error.message));
    await assert.rejects(after(), NotStartedError);
  });
});
