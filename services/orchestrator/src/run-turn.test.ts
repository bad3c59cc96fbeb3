import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Approval } from '@megabot/contracts/approval.ts';
import type { Run } from '@megabot/contracts/run.ts';
import { startOrchestrator, type Harness } from './testing/harness.ts';

describe('a !run turn', () => {
  let o: Harness;
  beforeEach(async () => {
    o = await startOrchestrator();
  });
  afterEach(async () => await o.close());
  const run = async (command = 'ls -la') => await o.memory.send(`!run ${command}`, { kind: 'run', command });

  it('submits the command as it was typed, waits, and answers with what came out; no model is asked', async () => {
    const turnId = await run('printf "a\\nb"');
    await o.waiting(turnId);
    assert.deepEqual(o.interlock.actions.get(`${turnId}:0:0`)?.action, { kind: 'shell', command: 'printf "a\\nb"' });
    await o.interlock.ran(`${turnId}:0:0`, { output: 'a\nb\n' });
    const { status, text } = await o.ended(turnId);
    assert.equal(status, 'done');
    assert.equal(text, '`printf "a\\nb"` ended with exit code 0.\n\n```\na\nb\n```');
    assert.equal(o.requests.length, 0);
  });

  it('that is denied says so at once, with rule and reasons', async () => {
    o.interlock.judges(() => ({ deny: 'rm *' }));
    const { status, text } = await o.ended(await run('rm -rf /'));
    assert.equal(status, 'done');
    assert.match(text, /Denied by the rule `rm \*`: `rm -rf \/` was not run\./);
    assert.match(text, /Not here\./);
  });

  it('whose action has its outcome before it waits goes on all the same', async () => {
    o.interlock.judges(() => 'allow');
    const settledEarly = new Promise<void>((resolve, reject) => {
      o.fault.current = (call, phase) => {
        const turnId = [...o.interlock.actions.values()][0]?.turnId;
        if (call === 'submit' && phase === 'after' && turnId) o.interlock.ran(`${turnId}:0:0`, { output: 'quick' }).then(resolve, reject);
        return false;
      };
    });
    const { text } = await o.ended(await run());
    await settledEarly;
    assert.match(text, /quick/);
  });

  const endings: [string, Partial<Run>, 'done' | 'failed', RegExp[]][] = [
    ['a failing command', { exitCode: 2, output: 'no such file' }, 'done', [/exit code 2/, /no such file/]],
    ['a command without output', {}, 'done', [/printed nothing/]],
    ['a signal', { status: 'signalled', exitCode: null, signal: 'SIGSEGV' }, 'done', [/signal SIGSEGV/]],
    ['the time limit', { status: 'timeout', exitCode: null, output: 'half' }, 'done', [/time limit/, /half/]],
    ['the memory limit', { status: 'oom', exitCode: null }, 'done', [/more memory/]],
    ['an interruption', { status: 'interrupted', exitCode: null, detail: 'The sandbox went away.' }, 'failed', [/interrupted and not repeated/, /went away/]],
    ['a lockdown', { status: 'killed_by_lockdown', exitCode: null }, 'done', [/lockdown/]],
    ['no sandbox', { status: 'expired', exitCode: null }, 'failed', [/did not start in time/]],
    ['a broken sandbox', { status: 'engine_failure', exitCode: null, detail: 'no engine' }, 'failed', [/sandbox failed/, /no engine/]],
    ['a simulated shell', { driver: 'just-bash (simulated shell)', output: 'x' }, 'done', [/simulation: just-bash/]],
    ['output cut by the sandbox', { output: 'x', truncated: true }, 'done', [/longer than allowed/]],
    ['output with fences of its own', { output: '```\nboo\n```' }, 'done', [/^````\n```\nboo/m]],
    ['very long output', { output: `begin${'x'.repeat(100_000)}end` }, 'done', [/begin/, /end/, /left out/]],
  ];
  for (const [name, outcome, status, patterns] of endings) {
    it(`that ends with ${name} says so`, async () => {
      const turnId = await run();
      await o.waiting(turnId);
      await o.interlock.ran(`${turnId}:0:0`, outcome);
      const answer = await o.ended(turnId);
      assert.equal(answer.status, status);
      for (const pattern of patterns) assert.match(answer.text, pattern);
      assert.ok(answer.text.length < 20_000);
    });
  }

  const decisions: [Pick<Approval, 'status'> & Partial<Approval>, RegExp][] = [
    [{ status: 'rejected', decidedBy: 'device:phone', reason: 'not today' }, /Rejected by device:phone.*was not run.*not today/],
    [{ status: 'expired' }, /expired.*was not run/],
    [{ status: 'cancelled' }, /Cancelled.*was not run/],
  ];
  for (const [approval, pattern] of decisions) {
    it(`whose approval is ${approval.status} says that nothing was run`, async () => {
      const turnId = await run();
      await o.waiting(turnId);
      await o.interlock.decided(`${turnId}:0:0`, approval);
      assert.match((await o.ended(turnId)).text, pattern);
      assert.deepEqual(o.interlock.executions, []);
    });
  }

  it('woken for nothing waits again', async () => {
    const turnId = await run();
    await o.waiting(turnId);
    await o.memory.wake(turnId);
    await o.waiting(turnId);
    await o.interlock.ran(`${turnId}:0:0`, { output: 'late' });
    assert.match((await o.ended(turnId)).text, /late/);
  });
});
