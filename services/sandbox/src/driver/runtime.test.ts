import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { EngineInfo } from './engine.ts';
import { cgroupParentOf, chooseRuntime } from './runtime.ts';

const info = (change: Partial<EngineInfo>): EngineInfo => ({ version: '20', runtimes: ['runc', 'io.containerd.runc.v2'], defaultRuntime: 'runc', cgroupDriver: 'cgroupfs', securityOptions: [], ...change });

suite('the runtime of all runs', () => {
  const table: readonly (readonly [string, Partial<EngineInfo>, string, string | undefined, RegExp])[] = [
    ['is the default where there is no other', {}, 'auto', undefined, /runc.*share the host's kernel/],
    ['is gVisor where the engine has it', { runtimes: ['runc', 'runsc'] }, 'auto', 'runsc', /gVisor/],
    ['is gVisor under a name of its own', { runtimes: ['runc', 'runsc-kvm'] }, 'auto', 'runsc-kvm', /gVisor/],
    ['is Kata where the engine has it', { runtimes: ['runc', 'kata-runtime'] }, 'auto', 'kata-runtime', /Kata/],
    ['is Kata by its containerd name', { runtimes: ['io.containerd.kata.v2', 'runc'] }, 'auto', 'io.containerd.kata.v2', /Kata/],
    ['is gVisor before Kata', { runtimes: ['kata', 'runsc'] }, 'auto', 'runsc', /gVisor/],
    ['is the one that was configured, and nothing weaker if that is not there', {}, 'runsc', 'runsc', /as configured/],
    ['may be configured to be weaker', { runtimes: ['runc', 'runsc'] }, 'runc', 'runc', /as configured/],
    ['says what else the engine does', { securityOptions: ['seccomp', 'rootless', 'userns'] }, 'auto', undefined, /rootless, userns/],
  ];
  for (const [promise, change, wish, runtime, said] of table) {
    test(promise, () => {
      const choice = chooseRuntime(info(change), wish);
      assert.equal(choice.runtime, runtime);
      assert.match(choice.said, said);
    });
  }
});

test('all runs are one group where the engine can make one', () => {
  assert.deepEqual(
    [{}, { cgroupDriver: 'systemd' }, { cgroupDriver: 'none' }, { securityOptions: ['rootless'] }].map((change) => cgroupParentOf(info(change))),
    ['/megabot-runs', 'megabot-runs.slice', undefined, undefined],
  );
});
