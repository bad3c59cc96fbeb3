import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../workspace/store.ts';
import { boxKindOf, containerSpec, labels } from './container-spec.ts';
import { createDockerDriver } from './docker.ts';
import { driverCompliance, limits, runScript, text, type Harness } from './driver-compliance.ts';
import { openEngine } from './engine.ts';
import { sandboxImage } from './run-rules.ts';

const engine = openEngine({ socketPath: '/var/run/docker.sock' });
// A project of this process alone: whatever else the engine runs is neither seen nor touched.
const project = `megabot-test-${randomUUID()}`;

const containers = async () => await engine.list({ [labels.project]: project });
/** Until removals and refills are done: what is left are containers that wait. */
async function untilWaiting(count: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await containers()).length === count) return;
    await wait(100);
  }
  assert.fail(`${(await containers()).length} containers where ${count} should wait`);
}

const none = { min: 0, max: 0 };
/** Where runs use containers that waited for them, those of the kind of the last run; elsewhere each makes its own. */
const warm = { min: 2, max: 2, refillDelayMs: 0 };

async function open(instance: string = randomUUID(), pool = none): Promise<Harness> {
  const root = await mkdtemp(join(tmpdir(), 'megabot-docker-'));
  const workspaces = await openWorkspaceStore({ root });
  const driver = createDockerDriver({ project, instance, stateFolder: join(root, 'replicas'), pool }, { engine, workspaces, logger: silentLogger() });
  return {
    driver,
    workspaces,
    close: async () => {
      await driver.close();
      await rm(root, { recursive: true });
    },
  };
}

const capabilities = { realPrograms: true, signals: true, streaming: true, interleaving: true, background: true, memoryLimit: true } as const;
driverCompliance('docker, each container made for its run', async () => await open(), capabilities);
driverCompliance('docker, containers that waited', async () => await open(undefined, warm), capabilities);

for (const [kind, pool] of [['made for its run', none], ['that waited for its run', warm]] as const) suite(`a container ${kind}`, () => {
  let harness: Harness;
  before(async () => {
    harness = await open(undefined, pool);
    await runScript(harness, 'first', 'true');
    await untilWaiting(pool.min);
  });
  after(async () => {
    await harness.close();
    assert.deepEqual(await containers(), [], 'containers were left behind');
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
    assert.match(await output('cat /etc/resolv.conf'), /^nameserver 192\.0\.2\.1\n(options .*\n)?$/);
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
    await untilWaiting(pool.min);
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

  test('that is killed or removed from outside is a failure of the engine, and nothing is repeated', async () => {
    for (const end of [engine.kill, engine.remove]) {
      const endAll = async (): Promise<void> => {
        for (const container of await containers()) await end(container.id);
      };
      const result = await runScript(harness, 'outside', 'echo x >> file; echo started; sleep 100', {}, undefined, () => void endAll());
      assert.deepEqual([result.outcome, result.workspaceChanged], ['engine_failure', false]);
      assert.match(result.detail ?? '', /from outside/);
      await untilWaiting(pool.min);
    }
  });

  test('ends at once when its service is gone, and is removed by the next one or by another', async () => {
    const kind = boxKindOf({ network: 'none', limits }, (await engine.imageId(sandboxImage)) ?? '');
    const make = async (instance: string, leaseMs: number): Promise<{ id: string; release(): void }> => {
      const id = await engine.create(containerSpec(kind, { project, instance }, { boxId: randomUUID(), leaseMs, now: Date.now() - 700_000 }));
      return { id, ...(await engine.start(id)) };
    };
    const [mine, lapsed, alive] = await Promise.all([make('restarted', 900_000), make('another', 600_000), make('another', 900_000)]);
    mine.release();
    for (let tries = 0; tries < 100 && (await engine.state(mine.id)) !== 'gone' && (await isRunning(mine.id)); tries++) await wait(100);
    assert.equal(await isRunning(mine.id), false, 'it goes on without its service');
    const restarted = await open('restarted');
    await restarted.driver.reap();
    assert.deepEqual(await Promise.all([mine, lapsed, alive].map(async ({ id }) => (await engine.state(id)) === 'gone')), [true, true, false]);
    lapsed.release();
    alive.release();
    await engine.remove(alive.id);
    await restarted.close();
  });

  test('an image that the engine lacks is said, and is not pulled', async () => {
    const workspaces = harness.workspaces;
    const image = `megabot/never-made:${randomUUID()}`;
    const driver = createDockerDriver({ project, instance: 'imageless', allowedImages: [image], stateFolder: '/nowhere', pool }, { engine, workspaces, logger: silentLogger() });
    assert.match((await driver.ready()).detail, /lacks the image/);
    const result = await runScript({ ...harness, driver }, 'imageless', 'true', { image });
    assert.equal(result.outcome, 'engine_failure');
    assert.match(result.detail ?? '', /does not have the image/);
    await driver.close();
  });

  test('a run in progress is no leftover', async () => {
    const running = runScript(harness, 'progress', 'sleep 1; echo done');
    await wait(500);
    assert.deepEqual(await harness.driver.reap(), []);
    assert.equal(text((await running).output.stdout), 'done\n');
  });

  test('ends by itself with its lease, should nobody end it', async () => {
    const kind = boxKindOf({ network: 'none', limits }, (await engine.imageId(sandboxImage)) ?? '');
    const id = await engine.create(containerSpec(kind, { project, instance: 'gone' }, { boxId: 'b', leaseMs: 1_000, now: Date.now() }));
    const hold = await engine.start(id);
    try {
      for (let tries = 0; tries < 50; tries++) {
        if (!(await isRunning(id))) return;
        await wait(200);
      }
      assert.fail('the container outlived its lease');
    } finally {
      hold.release();
      await engine.remove(id);
    }
  });
});

async function isRunning(id: string): Promise<boolean> {
  const state = await engine.state(id);
  return state !== 'gone' && state.running;
}
