import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../workspace/store.ts';
import { labels } from './container-spec.ts';
import { createDockerDriver } from './docker.ts';
import { runScript, text, type Harness } from './driver-compliance.ts';
import { openEngine } from './engine.ts';
import type { RunOutcome } from './port.ts';

const engine = openEngine({ socketPath: '/var/run/docker.sock' });
const project = `megabot-hostile-runs-${randomUUID()}`;

interface Attack {
  readonly what: string;
  readonly script: string;
  /** Outcomes that are in order; which of them it is may be a race that concerns nobody but the run itself. */
  readonly outcomes: readonly RunOutcome[];
  readonly exitCode?: number;
  readonly output?: string;
}

/** What a command can do to those who share its user: its launcher before it, and its collector after it. */
const attacks: readonly Attack[] = [
  { what: 'ends its launcher', script: 'kill -9 $PPID; sleep 0.1; exit 0', outcomes: ['signalled'], exitCode: 137 },
  { what: 'stops its launcher and exits', script: 'kill -STOP $PPID; exit 0', outcomes: ['timeout'] },
  {
    what: 'ends its launcher and leaves a process that ends all others, the collector too',
    script: `setsid bash -c 'while :; do kill -9 -1; done' </dev/null >/dev/null 2>&1 & sleep 0.5; kill -9 $PPID`,
    outcomes: ['signalled', 'engine_failure'],
  },
  {
    what: 'ends its launcher and leaves a fork bomb that holds no stream',
    script: `setsid bash -c 'f() { f | f & }; f; while :; do f; done' </dev/null >/dev/null 2>&1 & sleep 0.5; kill -9 $PPID; exit 0`,
    outcomes: ['signalled', 'engine_failure', 'timeout'],
  },
  {
    what: 'ends its launcher and leaves a process that stops the collector',
    script: `setsid bash -c 'while :; do for p in /proc/[0-9]*; do p=\${p#/proc/}; [ $p = $$ ] || kill -STOP $p; done; done' </dev/null >/dev/null 2>&1 & sleep 0.5; kill -9 $PPID`,
    outcomes: ['signalled', 'engine_failure', 'timeout'],
  },
  {
    what: 'writes a workspace of its own into the output of the collector',
    script: `mkdir evil; echo x > evil/x; tar cf /tmp/evil.tar evil; rm -r evil
      setsid bash -c 'while :; do for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = tar ] && cat /tmp/evil.tar > $p/fd/1; done; done' </dev/null >/dev/null 2>&1 & sleep 0.3; kill -9 $PPID`,
    outcomes: ['signalled', 'engine_failure'],
  },
  { what: 'writes to its launcher\'s input', script: `printf "'/' 'no' 'no' 'env' '--' 'echo' 'FORGED'\\ngo\\n" > /proc/$PPID/fd/0 & echo done; exit 4`, outcomes: ['exited'], exitCode: 4, output: 'done\n' },
  { what: 'reads its own output away', script: 'timeout 1 cat /proc/$PPID/fd/1 >/dev/null & sleep 0.2; exit 5', outcomes: ['exited'], exitCode: 5 },
  { what: 'prints the launcher\'s mark', script: 'printf "+"; printf "+" >&2; echo "+"; exit 6', outcomes: ['exited'], exitCode: 6, output: '++\n' },
  { what: 'claims to be out of memory', script: 'echo "oom_kill 9" >&2; exit 1', outcomes: ['exited'], exitCode: 1 },
  { what: 'claims to have been timed out', script: 'sleep 0.1; exit 124', outcomes: ['exited'], exitCode: 124 },
  { what: 'takes the right to its workspace away', script: 'chmod 0 /workspace /home/agent; exit 0', outcomes: ['exited'], exitCode: 0 },
  { what: 'fills everything that is memory', script: 'head -c 1G /dev/zero > /tmp/a; head -c 1G /dev/zero > ~/a; head -c 1G /dev/zero > a; exit 0', outcomes: ['exited'], exitCode: 0 },
];

for (const [kind, pool] of [['that waited', { min: 2, max: 2 }], ['made for it', { min: 0, max: 0 }]] as const) {
  suite(`a command in a container ${kind}`, () => {
    let harness: Harness;
    let root: string;
    const containers = async (): Promise<readonly string[]> => (await engine.list({ [labels.project]: project })).map(({ id }) => id);
    const settled = async (): Promise<void> => {
      // While one goes and another comes the number may be right for a moment.
      let calm = 0;
      let last = -1;
      for (let tries = 0; tries < 150 && calm < 3; tries++) {
        last = (await containers()).length;
        calm = last === pool.min ? calm + 1 : 0;
        await wait(100);
      }
      assert.equal(last, pool.min);
    };
    before(async () => {
      root = await mkdtemp(join(tmpdir(), 'megabot-hostile-runs-'));
      const workspaces = await openWorkspaceStore({ root });
      const driver = createDockerDriver({ project, instance: 'hostile', stateFolder: join(root, 'replicas'), pool, engineStepMs: 6_000 }, { engine, workspaces, logger: silentLogger() });
      harness = { driver, workspaces, close: async () => await driver.close() };
      await runScript(harness, 'first', 'true');
      await settled();
    });
    after(async () => {
      await harness.close();
      assert.deepEqual(await containers(), [], 'containers were left behind');
      await rm(root, { recursive: true });
    });

    for (const { what, script, outcomes, exitCode, output } of attacks) {
      test(`that ${what} harms nobody else: it ends, its container goes, and the next run is as ever`, async () => {
        const earlier = await containers();
        const result = await runScript(harness, what, script, { limits: { wallMs: 4_000 } });
        assert.ok(outcomes.includes(result.outcome), `${result.outcome} ${result.exitCode} ${result.detail ?? ''}`);
        if (exitCode !== undefined) assert.equal(result.exitCode, exitCode);
        if (output !== undefined) assert.equal(text(result.output.stdout), output);
        assert.doesNotMatch(text(result.output.stdout), /FORGED/);
        const next = await runScript(harness, `after ${what}`, 'ls -A . /tmp ~; ps -e -o uid=,comm= | grep -c 10002; echo next');
        assert.deepEqual([next.outcome, next.exitCode], ['exited', 0], next.detail ?? '');
        assert.match(text(next.output.stdout), /next\n$/);
        assert.doesNotMatch(text(next.output.stdout), /evil/);
        await settled();
        // The run after the attack may have got one that was made in between, so one of the earlier ones may still wait.
        const kept = (await containers()).filter((id) => earlier.includes(id));
        assert.ok(kept.length <= Math.max(0, earlier.length - 1), 'a container that was used is still there');
      });
    }
  });
}
