import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { emptyRevision } from '../workspace/archive-entry.ts';
import { readItems } from '../workspace/items.ts';
import type { PutResult, WorkspaceStore } from '../workspace/store.ts';
import { writeFiles, type FileToWrite } from '../workspace/write-files.ts';
import type { OutputStream, RunResult, RunSpec, SandboxDriver } from './port.ts';
import { sandboxImage } from './run-rules.ts';

/** What one driver has and another cannot have. Each says so itself: `true`, or why not. */
export interface Capabilities {
  /** Programs other than those of a shell: git, python3, node. */
  readonly realPrograms: true | string;
  /** A command that a signal ended is told from one that exited. */
  readonly signals: true | string;
  /** Output is passed on while the command runs. */
  readonly streaming: true | string;
  /** What is printed to both streams keeps its order. */
  readonly interleaving: true | string;
  /** What a command leaves in the background ends with it. */
  readonly background: true | string;
  /** A command that takes more memory than it may is ended with outcome `oom`. */
  readonly memoryLimit: true | string;
}

export interface Harness {
  readonly driver: SandboxDriver;
  readonly workspaces: WorkspaceStore;
  close(): Promise<void>;
}

export const limits: RunSpec['limits'] = {
  wallMs: 20_000, memoryBytes: 128 * 2 ** 20, pids: 64, cpus: 1, outputBytes: 65_536, workspaceBytes: 8 * 2 ** 20,
};

export type Change = Partial<Omit<RunSpec, 'limits'>> & { readonly limits?: Partial<RunSpec['limits']> };

/** Runs a script, or what `change` says instead, in a conversation of the harness. */
export async function runScript(harness: Harness, conversation: string, script: string, change: Change = {}, signal = new AbortController().signal, onOutput = (_stream: OutputStream, _chunk: Uint8Array): void => undefined): Promise<RunResult> {
  const spec: RunSpec = {
    runId: `run-${crypto.randomUUID()}`,
    permitId: `permit-${crypto.randomUUID()}`,
    conversation,
    argv: ['bash', '--noprofile', '--norc', '-c', script],
    cwd: '/workspace',
    env: {},
    image: sandboxImage,
    network: 'none',
    workspace: await harness.workspaces.get(conversation),
    ...change,
    limits: { ...limits, ...change.limits },
  };
  return await harness.driver.run(spec, { onOutput, signal });
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** What every sandbox driver promises, run against one of them. */
export function driverCompliance(name: string, open: () => Promise<Harness>, capabilities: Capabilities): void {
  suite(`the sandbox driver ${name}`, () => {
    let harness: Harness;
    before(async () => {
      harness = await open();
    });
    after(async () => {
      await harness.close();
    });
    const run = async (conversation: string, script: string, change?: Change): Promise<RunResult> => await runScript(harness, conversation, script, change);
    const write = async (conversation: string, ...files: FileToWrite[]): Promise<PutResult> => await writeFiles(harness.workspaces, await harness.workspaces.get(conversation), files, limits.workspaceBytes);
    /** A promise of the drivers that have the capability; the table of the others says why they have not. */
    const testOf = (capability: keyof Capabilities, promise: string, check: () => Promise<void>): void => {
      if (capabilities[capability] === true) test(promise, check);
    };

    test('is ready, and labels every result with what it is', async () => {
      assert.equal((await harness.driver.ready()).ok, true);
      const result = await run('label', 'true');
      assert.equal(result.driver, harness.driver.name);
      assert.equal(result.simulated, harness.driver.simulated);
      assert.ok(result.startedAt <= result.endedAt);
    });

    for (const code of [0, 1, 7, 126]) {
      test(`reports exit code ${code}`, async () => {
        const result = await run('exit', `exit ${code}`);
        assert.deepEqual([result.outcome, result.exitCode, result.signal, result.cancelReason], ['exited', code, null, null]);
      });
    }

    test('a command that does not exist exits with 127 and says so', async () => {
      const result = await run('exit', 'no-such-command-here');
      assert.deepEqual([result.outcome, result.exitCode], ['exited', 127]);
      assert.match(text(result.output.stderr), /not found/);
    });

    test('keeps standard output and standard error apart', async () => {
      const result = await run('streams', 'echo one; echo two >&2');
      assert.equal(text(result.output.stdout), 'one\n');
      assert.equal(text(result.output.stderr), 'two\n');
    });

    testOf('interleaving', 'keeps both streams in the order in which they were written', async () => {
      const result = await run('streams', 'for i in 1 2 3; do echo "out $i"; sleep 0.05; echo "err $i" >&2; sleep 0.05; done');
      const words = result.output.chunks.map((chunk) => `${chunk.stream} ${text(chunk.bytes).trim()}`);
      assert.deepEqual(words, ['stdout out 1', 'stderr err 1', 'stdout out 2', 'stderr err 2', 'stdout out 3', 'stderr err 3']);
    });

    test('passes on what it keeps, and only that', async () => {
      const passed: string[] = [];
      const result = await runScript(harness, 'streams', 'echo one; echo two >&2', {}, undefined, (stream, chunk) => passed.push(`${stream}:${text(chunk)}`));
      assert.deepEqual(passed, result.output.chunks.map((chunk) => `${chunk.stream}:${text(chunk.bytes)}`));
    });

    testOf('streaming', 'passes output on while the command runs', async () => {
      const controller = new AbortController();
      const result = await runScript(harness, 'streams', 'echo first; sleep 100', {}, controller.signal, () => controller.abort('cancel'));
      assert.equal(result.outcome, 'cancelled');
      assert.equal(text(result.output.stdout), 'first\n');
    });

    test('hands over environment values, arguments and standard input as they are', async () => {
      const value = `'"$(echo no)" \`id\` ; | & é\n* `;
      const env = await run('values', 'printf %s "$VALUE"', { env: { VALUE: value } });
      assert.equal(text(env.output.stdout), value);
      const argument = await run('values', '', { argv: ['printf', '%s', value] });
      assert.equal(text(argument.output.stdout), value);
      const input = await run('values', 'cat', { stdin: value });
      assert.equal(text(input.output.stdout), value);
    });

    test('standard input that was not given is at its end', async () => {
      const result = await run('values', 'cat; echo end');
      assert.equal(text(result.output.stdout), 'end\n');
    });

    test('starts in the working directory', async () => {
      await run('cwd', 'mkdir -p "a b/c"');
      assert.equal(text((await run('cwd', 'pwd')).output.stdout), '/workspace\n');
      assert.equal(text((await run('cwd', 'pwd', { cwd: '/workspace/a b/c' })).output.stdout), '/workspace/a b/c\n');
    });

    test('a working directory that does not exist is said, and the command does not run', async () => {
      const result = await run('cwd', 'echo ran', { cwd: '/workspace/none' });
      assert.deepEqual([result.outcome, result.exitCode, text(result.output.stdout)], ['exited', 126, '']);
      assert.match(text(result.output.stderr), /working directory does not exist/);
    });

    test('keeps unicode whole, in output and in names', async () => {
      const result = await run('unicode', 'echo "grüße 🦊 日本" > "ünïcode 🦊.txt"; cat *.txt; ls');
      assert.equal(text(result.output.stdout), 'grüße 🦊 日本\nünïcode 🦊.txt\n');
      assert.equal(text((await run('unicode', 'cat "ünïcode 🦊.txt"')).output.stdout), 'grüße 🦊 日本\n');
    });

    test('a workspace outlives the run, with folders, modes and links', async () => {
      await run('keeps', 'mkdir -p deep/er; echo content > deep/er/file; printf "#!/bin/bash\\necho ran\\n" > tool; chmod 755 tool; ln -s deep/er/file link');
      const result = await run('keeps', 'cat deep/er/file link; [ -x tool ] && bash tool; readlink link');
      assert.equal(text(result.output.stdout), 'content\ncontent\nran\ndeep/er/file\n');
    });

    test('the revision changes exactly when the content does', async () => {
      assert.equal((await harness.workspaces.get('revision')).revision, emptyRevision);
      const looked = await run('revision', 'ls');
      assert.deepEqual([looked.workspaceChanged, looked.workspaceRevision], [false, emptyRevision]);
      const wrote = await run('revision', 'echo one > file');
      assert.equal(wrote.workspaceChanged, true);
      assert.equal((await harness.workspaces.get('revision')).revision, wrote.workspaceRevision);
      const same = await run('revision', 'echo one > file');
      assert.deepEqual([same.workspaceChanged, same.workspaceRevision], [false, wrote.workspaceRevision]);
      const other = await run('revision', 'echo two > file');
      assert.notEqual(other.workspaceRevision, wrote.workspaceRevision);
      const back = await run('revision', 'echo one > file');
      assert.deepEqual([back.workspaceChanged, back.workspaceRevision], [true, wrote.workspaceRevision]);
      const emptied = await run('revision', 'rm file');
      assert.equal(emptied.workspaceRevision, emptyRevision);
    });

    test('nothing outside the workspace outlives the run', async () => {
      await run('scratch', 'echo x > /tmp/left; echo x > /home/agent/left');
      const result = await run('scratch', 'ls /tmp /home/agent');
      assert.doesNotMatch(text(result.output.stdout), /left/);
      assert.equal(result.workspaceRevision, emptyRevision);
    });

    test('two conversations do not see each other', async () => {
      await run('one', 'echo secret > marker-of-one');
      const other = await run('two', 'ls -a /workspace /workspace/..; cat /workspace/marker-of-one');
      assert.notEqual(other.exitCode, 0);
      assert.doesNotMatch(text(other.output.stdout), /marker-of-one|secret/);
    });

    test('two runs at once do not mix', async () => {
      const results = await Promise.all(['left', 'right'].map(async (side) => await run(`at once ${side}`, `echo ${side} > side; sleep 0.2; cat side`)));
      assert.deepEqual(results.map((result) => text(result.output.stdout)), ['left\n', 'right\n']);
    });

    test('output over the cap is counted and dropped, and the command still comes to its end', async () => {
      const result = await run('cap', 'for i in {1..400}; do printf "%01000d" 7; done; exit 3', { limits: { outputBytes: 10_000 } });
      assert.deepEqual([result.outcome, result.exitCode, result.truncated], ['exited', 3, true]);
      assert.equal(result.output.stdout.byteLength, 10_000);
      assert.equal(result.droppedBytes, 390_000);
    });

    for (const script of ['sleep 100', 'while true; do :; done']) {
      test(`ends ${JSON.stringify(script)} at its deadline, and keeps the workspace as it was`, async () => {
        const before = await run(`deadline ${script}`, 'echo kept > file');
        const result = await run(`deadline ${script}`, `echo lost > file; ${script}`, { limits: { wallMs: 700 } });
        assert.deepEqual([result.outcome, result.exitCode, result.workspaceChanged], ['timeout', null, false]);
        assert.equal((await harness.workspaces.get(`deadline ${script}`)).revision, before.workspaceRevision);
      });
    }

    for (const reason of ['cancel', 'lockdown', 'shutdown'] as const) {
      test(`ends a run for the reason ${reason}`, async () => {
        const controller = new AbortController();
        const running = runScript(harness, 'cancel', 'sleep 100', {}, controller.signal);
        await wait(600);
        controller.abort(reason);
        const result = await running;
        assert.deepEqual([result.outcome, result.cancelReason, result.exitCode], ['cancelled', reason, null]);
      });
    }

    test('a run that is cancelled before its start executes nothing', async () => {
      const result = await runScript(harness, 'cancel', 'echo ran > file', {}, AbortSignal.abort('cancel'));
      assert.deepEqual([result.outcome, result.workspaceChanged], ['cancelled', false]);
      assert.equal((await harness.workspaces.get('cancel')).revision, emptyRevision);
    });

    testOf('signals', 'a command that a signal ended is told from one that exited', async () => {
      const result = await run('signal', 'kill -TERM $$');
      assert.deepEqual([result.outcome, result.exitCode, result.signal], ['signalled', 143, 'SIGTERM']);
    });

    testOf('background', 'what is left in the background ends with the command', async () => {
      const result = await run('background', '(sleep 5; echo late >> file) & setsid sleep 100 & echo now > file');
      assert.deepEqual([result.outcome, result.exitCode], ['exited', 0]);
      assert.equal(text((await run('background', 'cat file')).output.stdout), 'now\n');
    });

    testOf('memoryLimit', 'a command that takes too much memory is ended for that', async () => {
      const result = await run('memory', 'echo before > file; python3 -c "x = bytearray(600 << 20)"');
      assert.deepEqual([result.outcome, result.exitCode, result.signal], ['oom', 137, 'SIGKILL']);
      assert.equal(result.workspaceChanged, true);
    });

    testOf('realPrograms', 'git works in the workspace', async () => {
      await run('git', 'git init -q . && echo x > f && git add f && git -c user.name=a -c user.email=a@example.org commit -qm first');
      const result = await run('git', 'git status --porcelain && git log --format=%s');
      assert.equal(text(result.output.stdout), 'first\n');
    });

    test('reaches no listener of the host', async () => {
      let visits = 0;
      const server = createServer((_request, response) => {
        visits++;
        response.end('reached');
      });
      await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
      try {
        const address = server.address();
        assert.ok(address !== null && typeof address === 'object');
        const hosts = ['127.0.0.1', ...Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter((one) => one.family === 'IPv4').map((one) => one.address)];
        const tries = hosts.map((host) => `curl -sS --max-time 1 http://${host}:${address.port}/; (exec 3<>/dev/tcp/${host}/${address.port} && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3)`);
        const result = await run('network', `${tries.join('\n')}\ntrue`);
        assert.doesNotMatch(text(result.output.stdout), /reached/);
        assert.equal(visits, 0);
      } finally {
        server.close();
      }
    });

    test('a command finds the files that were written into the store, with folders and the modes that it gave them', async () => {
      await run('files', 'echo old > tool; chmod 755 tool; echo other > other');
      const put = await write('files', { path: 'tool', bytes: Buffer.from('new\n') }, { path: 'new/folder/é.txt', bytes: Buffer.from('text\n') });
      assert.equal(put.changed, true);
      const after = await run('files', 'cat tool new/folder/é.txt other; [ -x tool ] && echo executable');
      assert.equal(text(after.output.stdout), 'new\ntext\nother\nexecutable\n');
      assert.deepEqual([after.workspaceChanged, after.workspaceRevision], [false, put.revision]);
    });

    test('links that lead out of the workspace are left out and named', async () => {
      const result = await run('links', 'mkdir -p a/b; ln -s /etc/passwd absolute; ln -s ../../x a/up; ln -s . a/b/here; ln -s a/b/here/../../../x trick; ln -s a/b fine; echo x > file');
      assert.deepEqual(result.workspaceOmitted.map((entry) => `${entry.path} ${entry.reason}`).sort(), ['a/up leads_out', 'absolute leads_out', 'trick leads_out']);
      const tar = (await harness.workspaces.get('links')).readTar();
      assert.ok(tar);
      assert.deepEqual((await readItems(tar)).map((item) => item.path).sort(), ['a', 'a/b', 'a/b/here', 'file', 'fine']);
    });

    test('a workspace larger than the run allows is refused before anything runs', async () => {
      await write('large', { path: 'big', bytes: Buffer.alloc(2 ** 20) });
      const result = await run('large', 'echo ran > file', { limits: { workspaceBytes: 2 ** 19 } });
      assert.deepEqual([result.outcome, result.exitCode, result.workspaceChanged], ['refused', null, false]);
    });

    test('a run cannot store more than the workspace may hold', async () => {
      const line = 'x'.repeat(1000);
      await run('grow', `for i in {1..300}; do echo ${line}; done > part; for i in 1 2 3 4 5 6 7 8; do cat part >> whole; done`, { limits: { workspaceBytes: 2 ** 20 } });
      const stored = await harness.workspaces.get('grow');
      assert.ok(stored.bytes <= 2 ** 20);
    });

    const refused: Readonly<Record<string, Change>> = {
      'a working directory outside the workspace': { cwd: '/etc' },
      'a working directory that leads out': { cwd: '/workspace/../etc' },
      'an image that is not allowed': { image: 'debian:latest' },
      'an environment name that is none': { env: { 'A=B': 'x' } },
      'a NUL in an argument': { argv: ['echo', 'a\0b'] },
      'no command': { argv: [] },
      'a limit of nothing': { limits: { wallMs: 0 } },
    };
    for (const [what, change] of Object.entries(refused)) {
      test(`refuses ${what}`, async () => {
        const result = await run('refused', 'echo ran', change);
        assert.deepEqual([result.outcome, result.exitCode, text(result.output.stdout)], ['refused', null, '']);
        assert.ok(result.detail);
      });
    }

    test("refuses another conversation's workspace", async () => {
      const result = await run('refused', 'ls', { workspace: await harness.workspaces.get('one') });
      assert.equal(result.outcome, 'refused');
    });

    test('has nothing left to reap', async () => {
      assert.deepEqual(await harness.driver.reap(), []);
    });

    test('closing ends the runs in progress, and later ones do not start', async () => {
      const other = await open();
      const running = runScript(other, 'closing', 'sleep 100');
      await wait(600);
      await other.driver.close();
      assert.deepEqual([(await running).outcome, (await running).cancelReason], ['cancelled', 'shutdown']);
      assert.equal((await runScript(other, 'closing', 'echo ran')).outcome, 'cancelled');
      await other.close();
    });
  });
}
