import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { boxKindOf, collectExec, containerSpec, launcherExec, oomKillsIn } from './container-spec.ts';
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
const imageId = `sha256:${'0'.repeat(64)}`;
const term = { boxId: 'box-1', leaseMs: 90_000, now: 1_000_000 };
const container = containerSpec(boxKindOf(spec, imageId), options, term);
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
    ['is of an image by digest', container.Image, imageId],
    ['ends with its service and with its lease', [container.Entrypoint, container.Cmd, container.OpenStdin, container.StdinOnce], [['timeout', '-s', 'KILL', '90'], ['cat'], true, true]],
    ['hides what tells about the machine', ['/proc/kcore', '/proc/keys', '/proc/kallsyms', '/sys/firmware'].filter((path) => !host.MaskedPaths?.includes(path)), []],
    ['cannot write what belongs to the kernel', host.ReadonlyPaths, ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']],
    ['is in no group of its own unless the engine can', host.CgroupParent, undefined],
    ['says whose it is, and belongs to no Compose project', container.Labels, {
      'com.docker.compose.project': '', 'com.docker.compose.service': '', 'com.docker.compose.version': '',
      'megabot.project': 'megabot', 'megabot.instance': 'replica-1', 'megabot.box': 'box-1', 'megabot.lease-until': '1090000',
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

  const differing: readonly (readonly [string, Partial<RunSpec>])[] = [
    ['memory', { limits: { ...spec.limits, memoryBytes: 1 } }],
    ['workspace', { limits: { ...spec.limits, workspaceBytes: 1 } }],
    ['processes', { limits: { ...spec.limits, pids: 1 } }],
    ['processors', { limits: { ...spec.limits, cpus: 1 } }],
  ];
  for (const [what, change] of differing) {
    test(`is of another kind for a run with another limit of ${what}`, () => {
      assert.notDeepEqual(boxKindOf({ ...spec, ...change }, imageId), boxKindOf(spec, imageId));
    });
  }

  test('is of the same kind whatever the limits that are not its own', () => {
    const other = { ...spec, limits: { ...spec.limits, wallMs: 1, outputBytes: 1 } };
    assert.deepEqual(boxKindOf(other, imageId), boxKindOf(spec, imageId));
  });

  test("holds nothing of the action's own choosing", () => {
    const hostile: RunSpec = {
      ...spec,
      argv: ['--privileged', '$(reboot)', '/var/run/docker.sock'],
      cwd: '/workspace/--privileged',
      env: { LD_PRELOAD: '/workspace/evil.so', DOCKER_HOST: 'unix:///var/run/docker.sock' },
      stdin: 'stdin',
      conversation: '../../etc',
    };
    assert.deepEqual(containerSpec(boxKindOf(hostile, imageId), options, term), container);
  });

  test('has the seccomp profile, the runtime and the group that were chosen for all', () => {
    const chosen = containerSpec(boxKindOf(spec, imageId), { ...options, seccompProfile: '{"defaultAction":"SCMP_ACT_ERRNO"}', runtime: 'runsc', cgroupParent: '/runs' }, term);
    assert.equal(chosen.HostConfig?.CgroupParent, '/runs');
    assert.deepEqual(chosen.HostConfig?.SecurityOpt, ['no-new-privileges:true', 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}']);
    assert.equal(chosen.HostConfig?.Runtime, 'runsc');
  });
});

suite('what is started in the container', () => {
  test("is the same for every action, and runs as the action's user", () => {
    for (const exec of [launcherExec, collectExec]) assert.deepEqual([exec.user, exec.argv.slice(0, 2)], ['10002:10002', ['/bin/sh', '-c']]);
  });

  test("counts the kernel's kills for want of memory", () => {
    assert.deepEqual(['', 'oom_kill 0\n', 'tar: x\noom_kill 3\n', 'oom_kill_disable 0\noom_kill 12\n'].map(oomKillsIn), [0, 0, 3, 12]);
  });
});
