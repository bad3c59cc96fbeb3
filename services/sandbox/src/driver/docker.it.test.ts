import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../workspace/store.ts';
import { containerSpec, labels } from './container-spec.ts';
import { createDockerDriver } from './docker.ts';
import { driverCompliance, limits, runScript, text, type Harness } from './driver-compliance.ts';
import { openEngine } from './engine.ts';
import type { RunSpec } from './port.ts';
import { sandboxImage } from './run-rules.ts';

const engine = openEngine({ socketPath: '/var/run/docker.sock' });
// A project of this process alone: whatever else the engine runs is neither seen nor touched.
const project = `megabot-test-${randomUUID()}`;

async function open(instance: string = randomUUID()): Promise<Harness> {
  const root = await mkdtemp(join(tmpdir(), 'megabot-docker-'));
  const workspaces = await openWorkspaceStore({ root });
  const driver = createDockerDriver({ project, instance }, { engine, workspaces, logger: silentLogger() });
  return {
    driver,
    workspaces,
    close: async () => {
      await driver.close();
      await rm(root, { recursive: true });
    },
  };
}

driverCompliance('docker', open, { realPrograms: true, signals: true, streaming: true, interleaving: true, background: true, memoryLimit: true });

suite('a container of the sandbox', () => {
  let harness: Harness;
  before(async () => {
    harness = await open();
  });
  after(async () => {
    await harness.close();
    assert.deepEqual(await engine.list({ [labels.project]: project }), [], 'containers were left behind');
  });
  const output = async (script: string, conversation: string = randomUUID()): Promise<string> => {
    const { output } = await runScript(harness, conversation, script);
    return text(output.stdout) + text(output.stderr);
  };

  test('runs as nobody special: no capability, no new privileges, a seccomp filter', async () => {
    const said = await output('id -u; id -G; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status');
    assert.match(said, /^10002\n10002\n/);
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) assert.match(said, new RegExp(`Cap${set}:\\s+0{16}\\n`));
    assert.match(said, /NoNewPrivs:\s+1/);
    assert.match(said, /Seccomp:\s+2/);
  });

  test('has a root that cannot be written, and small scratch folders that execute nothing', async () => {
    assert.match(await output('touch /etc/x /usr/x /x; true'), /(Read-only file system[\s\S]*){3}/);
    assert.match(await output('printf "#!/bin/sh\\necho ran\\n" > /tmp/t; chmod +x /tmp/t; /tmp/t'), /Permission denied/);
    assert.match(await output('i=0; while : > /tmp/$i; do i=$((i+1)); done 2>&1 | tail -1'), /No space left/);
    assert.match(await output('head -c 100000000 /dev/zero > /tmp/big'), /No space left|File too large|File size limit/);
  });

  test('has loopback for a network, a resolver that answers nothing, and no shared memory', async () => {
    assert.equal(await output("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '"), 'lo\n');
    assert.equal(await output('cat /etc/resolv.conf'), 'nameserver 192.0.2.1\n');
    assert.match(await output('ls /dev/shm'), /No such file/);
  });

  test('stops at the limits of processes, files and memory', async () => {
    assert.match(await output(`perl -e 'for(1..400){my $p=fork();if(!defined $p){print "stopped $_";exit} if(!$p){sleep 20;exit}}'`), /stopped [3-6]\d/);
    assert.match(await output(`perl -e 'for(1..5000){open($h[$_],"<","/dev/null") or do{print "stopped $_";last}}'`), /stopped (9|10)\d\d/);
    assert.equal(await output('ulimit -c'), '0\n');
    assert.match(await output(`perl -e '$x="a"x(600<<20);print "GOT"'; echo rc=$?`), /rc=137/);
  });

  test('holds no other process that the action could end or look into', async () => {
    const said = await output('kill -9 1; kill -9 -1; cat /proc/1/environ; echo alive');
    for (const expected of [/kill: \(1\) - Operation not permitted/, /environ: Permission denied/, /alive/]) assert.match(said, expected);
    assert.doesNotMatch(await output('env; ls -la /run /var/run/'), /TOKEN|SECRET|PASSWORD|NATS|docker\.sock/i);
  });

  test('survives a fork bomb and a flood of output, and is gone after them', async () => {
    const bomb = await runScript(harness, 'bomb', ':(){ :|:& };:; sleep 60', { limits: { wallMs: 1_500 } });
    assert.equal(bomb.outcome, 'timeout');
    const flood = await runScript(harness, 'flood', 'yes AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', { limits: { wallMs: 1_500 } });
    assert.deepEqual([flood.outcome, flood.truncated, flood.output.stdout.byteLength], ['timeout', true, limits.outputBytes]);
    assert.deepEqual(await engine.list({ [labels.project]: project }), []);
  });

  test('returns files that the action made unreadable, and leaves out what is no file', async () => {
    const result = await runScript(harness, 'modes', 'mkdir d; echo x > d/f; chmod 0 d/f d; mkfifo pipe');
    assert.deepEqual(result.workspaceOmitted, [{ path: 'pipe', reason: 'special_file' }]);
    assert.equal(await output('cat d/f', 'modes'), 'x\n');
  });

  test('a full workspace is brought back whole', async () => {
    const said = await output('head -c 100000000 /dev/zero > big; head -c 30000000 /dev/zero > /tmp/more; ls -s big', 'full');
    assert.match(said, /File too large|File size limit|No space left/);
    assert.equal(await output('stat -c %s big', 'full'), `${limits.workspaceBytes}\n`);
  });

  test('a container that is killed or removed from outside is a failure of the engine, and nothing is repeated', async () => {
    for (const end of [engine.kill, engine.remove]) {
      const endIt = async (): Promise<void> => {
        for (const container of await engine.list({ [labels.project]: project })) await end(container.id);
      };
      const result = await runScript(harness, 'outside', 'echo x >> file; echo started; sleep 100', {}, undefined, () => void endIt());
      assert.deepEqual([result.outcome, result.workspaceChanged], ['engine_failure', false]);
      assert.match(result.detail ?? '', /from outside/);
    }
  });

  test('leftovers are reaped: our own at once, those of another instance when their lease has passed', async () => {
    const spec = async (runId: string): Promise<RunSpec> => ({
      runId, permitId: `permit of ${runId}`, conversation: 'x', argv: ['true'], cwd: '/workspace', env: {},
      image: sandboxImage, network: 'none', limits, workspace: await harness.workspaces.get('x'),
    });
    const make = async (runId: string, instance: string, leaseMs: number, startedAt: number): Promise<void> => {
      await engine.start(await engine.create(containerSpec(await spec(runId), { project, instance }, leaseMs, startedAt)));
    };
    await make('mine', 'restarted', 600_000, Date.now());
    await make('theirs, lapsed', 'another', 600_000, Date.now() - 700_000);
    await make('theirs, alive', 'another', 600_000, Date.now());
    const restarted = await open('restarted');
    const reaped = [...(await restarted.driver.reap())].sort((one, other) => (one.runId < other.runId ? -1 : 1));
    assert.deepEqual(reaped, [
      { runId: 'mine', permitId: 'permit of mine', instance: 'restarted', reason: 'own_leftover' },
      { runId: 'theirs, lapsed', permitId: 'permit of theirs, lapsed', instance: 'another', reason: 'lease_expired' },
    ]);
    const left = await engine.list({ [labels.project]: project });
    assert.deepEqual(left.map((container) => container.labels[labels.run]), ['theirs, alive']);
    await Promise.all(left.map(async (container) => await engine.remove(container.id)));
    await restarted.close();
  });

  test('an image that the engine lacks is said, and is not pulled', async () => {
    const workspaces = harness.workspaces;
    const image = `megabot/never-made:${randomUUID()}`;
    const driver = createDockerDriver({ project, instance: 'imageless', allowedImages: [image] }, { engine, workspaces, logger: silentLogger() });
    assert.match((await driver.ready()).detail, /lacks the image/);
    const result = await runScript({ ...harness, driver }, 'imageless', 'true', { image });
    assert.equal(result.outcome, 'engine_failure');
    assert.match(result.detail ?? '', /does not have the image/);
  });

  test('a run in progress is no leftover', async () => {
    const running = runScript(harness, 'progress', 'sleep 1; echo done');
    await wait(500);
    assert.deepEqual(await harness.driver.reap(), []);
    assert.equal(text((await running).output.stdout), 'done\n');
  });

  test('a container ends by itself with its lease, should the service be gone', async () => {
    const workspace = await harness.workspaces.get('lease');
    const spec: RunSpec = { runId: 'lease', permitId: 'p', conversation: 'lease', argv: ['true'], cwd: '/workspace', env: {}, image: sandboxImage, network: 'none', limits, workspace };
    const id = await engine.create(containerSpec(spec, { project, instance: 'gone' }, 1_000, Date.now()));
    try {
      await engine.start(id);
      for (let tries = 0; tries < 50; tries++) {
        const state = await engine.state(id);
        if (state !== 'gone' && !state.running) return;
        await wait(200);
      }
      assert.fail('the container outlived its lease');
    } finally {
      await engine.remove(id);
    }
  });
});
