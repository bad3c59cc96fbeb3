import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import { openWorkspaceStore } from '../workspace/store.ts';
import { labels } from './container-spec.ts';
import { createDockerDriver } from './docker.ts';
import { limits, runScript, text, type Harness } from './driver-compliance.ts';
import { openEngine } from './engine.ts';

const engine = openEngine({ socketPath: '/var/run/docker.sock' });
const project = `megabot-hostile-${randomUUID()}`;
const mebibyte = 2 ** 20;

/** What a run may leave in its workspace; `kept` is what the next run has to see of it, as lines of output. */
const leavings: readonly { readonly what: string; readonly script: string; readonly look?: string; readonly kept?: string; readonly omitted?: readonly string[]; readonly detail?: RegExp }[] = [
  { what: 'a link in a folder that cannot be written', script: 'mkdir -p d/e; echo x > d/e/f; ln -s f d/e/l; chmod 555 d/e d; echo y > z', look: 'cat d/e/l; stat -c %a d d/e', kept: 'x\n555\n555\n' },
  { what: 'times before 1970 and far ahead', script: 'touch -d 1900-01-01 old; touch -d 2200-01-01 far; touch -d "2500-01-01 12:00:00.123456789" farther', look: 'ls', kept: 'far\nfarther\nold\n' },
  { what: 'files and folders without any right', script: 'mkdir d; echo x > d/f; chmod 0 d/f d', look: 'cat d/f', kept: 'x\n' },
  { what: 'a workspace without any right', script: 'echo x > f; chmod 0 /workspace', look: 'cat f 2>/dev/null; true' },
  { what: 'names of every kind', script: 'touch -- "-rf" " a" "b " "c\nd" "e\\f" \'"q"\' "$(printf "%0255d" 0)" é 😀 "--checkpoint-action=exec=sh x" "*" "$(printf "\\001")"', look: 'ls -A | wc -cl', kept: '     13     320\n' },
  { what: 'names that are not UTF-8', script: 'touch ok "$(printf "\\377")"', look: 'ls -A', kept: 'ok\n', omitted: ['./\u{FFFD}'] },
  { what: 'pipes, sockets and devices', script: 'touch ok; mkfifo p; mknod c c 1 3; python3 -c "import socket;socket.socket(socket.AF_UNIX).bind(\'s\')"; true', look: 'ls -A', kept: 'ok\n', omitted: ['p'] },
  { what: 'links that lead out, around and nowhere', script: 'ln -s /etc/passwd a; ln -s ../../etc b; ln -s c c; ln -s gone d; mkdir e; ln -s .. e/up; ln -s e/up/up f; touch ok', look: 'ls -A', kept: 'c\nd\ne\nf\nok\n', omitted: ['a', 'b'] },
  { what: 'many hard links to one large file', script: 'head -c 3M /dev/zero > a; for i in $(seq 50); do ln a b$i; done', look: 'ls -A', kept: '', detail: /larger than/ },
  { what: 'sparse files larger than the quota', script: 'for i in $(seq 8); do truncate -s 6M s$i; done', look: 'ls -A', kept: '', detail: /larger than/ },
  { what: 'a path longer than the kernel takes at once', script: 'for i in $(seq 30); do mkdir "$(printf "%0200d" 0)" && cd -P "$(printf "%0200d" 0)" || break; done; true', look: 'ls -A | head -c 3', detail: /not kept/ },
  { what: 'thousands of empty files', script: 'mkdir d; cd d; seq 5000 | xargs touch', look: 'ls d | wc -l', kept: '5000\n' },
];

suite('whatever a run leaves in its workspace', () => {
  let harness: Harness;
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'megabot-hostile-'));
    const workspaces = await openWorkspaceStore({ root });
    const driver = createDockerDriver({ project, instance: 'one', stateFolder: join(root, 'replicas') }, { engine, workspaces, logger: silentLogger() });
    harness = { driver, workspaces, close: () => driver.close() };
  });
  after(async () => {
    await harness.close();
    assert.deepEqual(await engine.list({ [labels.project]: project }), [], 'containers were left behind');
    await rm(root, { recursive: true });
  });

  for (const { what, script, look = 'ls -A', kept, omitted, detail } of leavings) {
    test(`the next run of the conversation can start: ${what}`, async () => {
      const conversation = randomUUID();
      const quota = { limits: { workspaceBytes: 16 * mebibyte, memoryBytes: limits.memoryBytes } };
      const first = await runScript(harness, conversation, script, quota);
      if (detail) assert.match(first.detail ?? '', detail);
      if (omitted) assert.deepEqual(first.workspaceOmitted.map((entry) => entry.path).sort(), omitted);
      const next = await runScript(harness, conversation, look, quota);
      assert.deepEqual([next.outcome, next.exitCode], ['exited', 0], `${first.outcome} ${first.detail}, then ${next.detail}`);
      if (kept !== undefined) assert.equal(text(next.output.stdout), kept);
    });
  }
});
