import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seccompProfile, seccompRules } from './seccomp-profile.ts';

const unconditional = new Set(seccompRules.filter((rule) => rule.action === 'SCMP_ACT_ALLOW' && !rule.args).flatMap((rule) => rule.names));
const conditions = (name: string) => seccompRules.filter((rule) => rule.names.includes(name)).map((rule) => [rule.action, rule.args?.map((arg) => [arg.index, arg.op, arg.value, arg.valueTwo])]);

suite('the seccomp profile', () => {
  const refused = {
    'looking into other processes': ['ptrace', 'process_vm_readv', 'process_vm_writev', 'process_madvise', 'kcmp', 'pidfd_getfd'],
    'operations past the filter': ['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'userfaultfd', 'vmsplice', 'memfd_secret', 'modify_ldt'],
    'keyrings, programs and counters of the kernel': ['keyctl', 'add_key', 'request_key', 'bpf', 'perf_event_open', 'fanotify_init', 'fanotify_mark', 'lookup_dcookie'],
    'mounts and namespaces': [
      'mount', 'umount2', 'move_mount', 'open_tree', 'open_tree_attr', 'fsopen', 'fsmount', 'fsconfig', 'fspick', 'mount_setattr', 'pivot_root', 'chroot', 'setns', 'unshare',
      'name_to_handle_at', 'open_by_handle_at', 'listmount', 'statmount',
    ],
    'the machine': [
      'reboot', 'kexec_load', 'kexec_file_load', 'init_module', 'finit_module', 'delete_module', 'settimeofday', 'clock_settime', 'clock_adjtime', 'adjtimex', 'sethostname',
      'setdomainname', 'swapon', 'swapoff', 'acct', 'quotactl', 'quotactl_fd', 'syslog', 'iopl', 'ioperm', 'nfsservctl', 'vhangup', 'create_module', 'uselib', 'ustat', 'sysfs',
    ],
    'memory placement': ['mbind', 'set_mempolicy', 'migrate_pages', 'move_pages', 'get_mempolicy'],
    'messages to other containers': ['msgget', 'semget', 'shmget', 'mq_open', 'ipc', 'socketcall'],
  } as const;
  for (const [what, names] of Object.entries(refused)) {
    test(`allows no call for ${what}`, () => {
      assert.deepEqual(names.filter((name) => seccompRules.some((rule) => rule.action === 'SCMP_ACT_ALLOW' && rule.names.includes(name))), []);
    });
  }

  test('refuses whatever it does not name, with EPERM', () => {
    const profile = JSON.parse(seccompProfile) as { defaultAction: string; defaultErrnoRet: number };
    assert.deepEqual([profile.defaultAction, profile.defaultErrnoRet], ['SCMP_ACT_ERRNO', 1]);
  });

  test('knows the 64-bit tables alone', () => {
    const { archMap } = JSON.parse(seccompProfile) as { archMap: unknown };
    assert.deepEqual(archMap, [
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: [] },
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: [] },
    ]);
  });

  test('allows sockets of four families, by equality, so that no other bit passes', () => {
    assert.deepEqual(conditions('socket'), [1, 2, 10, 16].map((family) => ['SCMP_ACT_ALLOW', [[0, 'SCMP_CMP_EQ', family, undefined]]]));
    assert.equal(unconditional.has('socket'), false);
  });

  test('allows clone without any namespace, and says that there is no clone3', () => {
    assert.deepEqual(conditions('clone'), [['SCMP_ACT_ALLOW', [[0, 'SCMP_CMP_MASKED_EQ', 0x7e020000, 0]]]]);
    assert.deepEqual(seccompRules.filter((rule) => rule.names.includes('clone3')).map((rule) => [rule.action, rule.errnoRet]), [['SCMP_ACT_ERRNO', 38]]);
  });

  test('names no call twice', () => {
    const names = seccompRules.filter((rule) => !rule.args).flatMap((rule) => rule.names);
    assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
  });
});
