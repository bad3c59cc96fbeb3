import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { collectExec, commandExec, containerSpec, fillExec, oomKillsIn } from './container-spec.ts';
import type { RunSpec } from './port.ts';

const spec: RunSpec = {
  runId: 'run-1',
  permitId: 'permit-1',
  conversation: 'conversation-1',
  argv: ['bash', '-c', 'echo hello'],
  cwd: '/workspace/a',
  env: { NAME: 'value' },
  image: 'megabot/sandbox:0.1.0',
  network: 'none',
  limits: { wallMs: 60_000, memoryBytes: 256 * 2 ** 20, pids: 128, cpus: 0.5, outputBytes: 2 ** 20, workspaceBytes: 64 * 2 ** 20 },
  workspace: { conversation: 'conversation-1', revision: 'r', bytes: 0, readTar: () => null },
};
const options = { project: 'megabot', instance: 'replica-1' };
const container = containerSpec(spec, options, 90_000, 1_000_000);
const host = container.HostConfig ?? {};

suite('the container of a run', () => {
  const held: readonly (readonly [string, unknown, unknown])[] = [
    ['has no network', host.NetworkMode, 'none'],
    ['learns no name server of the host', host.Dns, ['192.0.2.1']],
    ['has a root that cannot be written', host.ReadonlyRootfs, true],
    ['has no capability', host.CapDrop, ['ALL']],
    ['gets no capability', host.CapAdd, undefined],
    ['gains no privilege', host.SecurityOpt, ['no-new-privileges:true']],
    ['is not privileged', host.Privileged, false],
    ['has an init that reaps', host.Init, true],
    ['shares no memory', host.IpcMode, 'none'],
    ['has a number of processes', host.PidsLimit, 128],
    ['has memory for its processes and its workspace', host.Memory, 320 * 2 ** 20],
    ['has no swap', host.MemorySwap, host.Memory],
    ['has its share of the CPU', host.NanoCpus, 500_000_000],
    ['mounts nothing of the host', [host.Binds, host.Mounts, host.VolumesFrom, host.Devices], [undefined, undefined, undefined, undefined]],
    ['shares no namespace of the host', [host.PidMode, host.UTSMode, host.UsernsMode], [undefined, undefined, undefined]],
    ['keeps no log', host.LogConfig, { Type: 'none', Config: {} }],
    ['is not started again', host.RestartPolicy, { Name: 'no' }],
    ['publishes no port', [host.PortBindings, container.ExposedPorts], [undefined, undefined]],
    ['idles as another user than the action', container.User, '65534:65534'],
    ['ends with its lease', [container.Entrypoint, container.Cmd], [['/bin/sleep'], ['90']]],
    ['says whose it is, and belongs to no Compose project', container.Labels, {
      'com.docker.compose.project': '', 'com.docker.compose.service': '', 'com.docker.compose.version': '',
      'megabot.project': 'megabot', 'megabot.instance': 'replica-1', 'megabot.run': 'run-1', 'megabot.permit': 'permit-1', 'megabot.lease-until': '1090000',
    }],
    ['has a workspace of its size', host.Tmpfs?.['/workspace'], 'rw,nosuid,nodev,exec,size=67108864,nr_inodes=65537,uid=10002,gid=10002,mode=0755'],
    ['has scratch space that executes nothing', host.Tmpfs?.['/tmp'], 'rw,nosuid,nodev,noexec,size=67108864,nr_inodes=16384,mode=1777'],
    ['writes no file larger than its workspace', host.Ulimits, [
      { Name: 'nofile', Soft: 1024, Hard: 1024 }, { Name: 'core', Soft: 0, Hard: 0 }, { Name: 'fsize', Soft: 67_108_864, Hard: 67_108_864 },
    ]],
  ];
  for (const [promise, actual, expected] of held) {
    test(promise, () => {
      assert.deepEqual(actual, expected);
    });
  }

  test("holds nothing of the action's own choosing", () => {
    const hostile: RunSpec = {
      ...spec,
      argv: ['--privileged', '$(reboot)', '/var/run/docker.sock'],
      cwd: '/workspace/--privileged',
      env: { LD_PRELOAD: '/workspace/evil.so', DOCKER_HOST: 'unix:///var/run/docker.sock' },
      stdin: 'stdin',
      conversation: '../../etc',
    };
    assert.deepEqual(containerSpec(hostile, options, 90_000, 1_000_000), container);
  });

  test('has the seccomp profile and the runtime that the operator chose', () => {
    const chosen = containerSpec(spec, { ...options, seccompProfile: '{"defaultAction":"SCMP_ACT_ERRNO"}', runtime: 'runsc' }, 90_000, 0);
    assert.deepEqual(chosen.HostConfig?.SecurityOpt, ['no-new-privileges:true', 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}']);
    assert.equal(chosen.HostConfig?.Runtime, 'runsc');
  });
});

suite('what is started in the container', () => {
  test("is the action's command as arguments, in a script that is always the same", () => {
    const command = commandExec(spec);
    const other = commandExec({ ...spec, argv: ['$(reboot)', '"; reboot'], cwd: '/workspace/$(reboot)' });
    assert.deepEqual(command.argv.slice(3), ['sandbox', '/workspace/a', 'bash', '-c', 'echo hello']);
    assert.deepEqual(other.argv.slice(0, 3), command.argv.slice(0, 3));
    assert.deepEqual(command.env, ['NAME=value']);
  });

  test("runs as the action's user, without the action's environment where it is not the action", () => {
    for (const exec of [fillExec, collectExec, commandExec(spec)]) assert.equal(exec.user, '10002:10002');
    for (const exec of [fillExec, collectExec]) assert.deepEqual(exec.env, []);
  });

  test("counts the kernel's kills for want of memory", () => {
    assert.deepEqual(['', 'oom_kill 0\n', 'tar: x\noom_kill 3\n', 'oom_kill_disable 0\noom_kill 12\n'].map(oomKillsIn), [0, 0, 3, 12]);
  });
});
