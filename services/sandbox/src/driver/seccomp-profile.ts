/**
 * The system calls that a run may make, as the engine's seccomp profile. Whatever is not named answers EPERM, so a call that
 * a kernel gains later is refused until somebody thought about it. Beside what the engine's own profile lets a container
 * without capabilities do, these are left out on purpose:
 *
 * - `ptrace`, `process_vm_*`, `process_madvise`, `kcmp`, `pidfd_getfd`: looking into other processes;
 * - `io_uring_*`: performs its operations past this filter; `userfaultfd`, `vmsplice`, `memfd_secret`, `modify_ldt`,
 *   `uretprobe`, `remap_file_pages`: parts of kernel exploits rather than of programs;
 * - `keyctl`, `add_key`, `request_key`: keyrings are not namespaced; `bpf`, `perf_event_open`, `fanotify_*`;
 * - `mount` and its relatives, `setns`, `unshare`, `clone` with a namespace: a run has the namespaces it was given;
 * - System V and POSIX message queues, semaphores and shared memory: a run has nobody to share them with;
 * - `name_to_handle_at`, `open_by_handle_at`, `clock_adjtime`, `adjtimex`, `get_mempolicy`, `io_setup` and the rest of the old
 *   asynchronous input and output: not needed by what the image holds.
 *
 * Sources: the kernel's system call tables (arch/x86/entry/syscalls, asm-generic/unistd.h), the OCI runtime specification
 * on `linux.seccomp`, and the Docker documentation "Seccomp security profiles for Docker".
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  files: [
    'access', 'cachestat', 'chdir', 'chmod', 'chown', 'close', 'close_range', 'copy_file_range', 'creat', 'dup', 'dup2', 'dup3', 'faccessat',
    'faccessat2', 'fadvise64', 'fallocate', 'fchdir', 'fchmod', 'fchmodat', 'fchmodat2', 'fchown', 'fchownat', 'fcntl', 'fdatasync', 'flock',
    'fstat', 'fstatfs', 'fsync', 'ftruncate', 'futimesat', 'getcwd', 'getdents', 'getdents64', 'inotify_add_watch', 'inotify_init',
    'inotify_init1', 'inotify_rm_watch', 'ioctl', 'lchown', 'link', 'linkat', 'lseek', 'lstat', 'mkdir', 'mkdirat', 'mknod', 'mknodat',
    'newfstatat', 'open', 'openat', 'openat2', 'pread64', 'preadv', 'preadv2', 'pwrite64', 'pwritev', 'pwritev2', 'read', 'readahead',
    'readlink', 'readlinkat', 'readv', 'rename', 'renameat', 'renameat2', 'rmdir', 'sendfile', 'splice', 'stat', 'statfs', 'statx', 'symlink',
    'symlinkat', 'sync', 'sync_file_range', 'syncfs', 'tee', 'truncate', 'umask', 'unlink', 'unlinkat', 'utime', 'utimensat', 'utimes',
    'write', 'writev',
  ],
  attributes: [
    'fgetxattr', 'flistxattr', 'fremovexattr', 'fsetxattr', 'getxattr', 'getxattrat', 'lgetxattr', 'listxattr', 'listxattrat', 'llistxattr',
    'lremovexattr', 'lsetxattr', 'removexattr', 'removexattrat', 'setxattr', 'setxattrat',
  ],
  memory: [
    'brk', 'madvise', 'map_shadow_stack', 'membarrier', 'memfd_create', 'mincore', 'mlock', 'mlock2', 'mlockall', 'mmap',
    'mprotect', 'mremap', 'mseal', 'msync', 'munlock', 'munlockall', 'munmap', 'pkey_alloc', 'pkey_free', 'pkey_mprotect',
  ],
  processes: [
    'alarm', 'arch_prctl', 'capget', 'capset', 'execve', 'execveat', 'exit', 'exit_group', 'fork', 'get_robust_list', 'get_thread_area',
    'getcpu', 'getegid', 'geteuid', 'getgid', 'getgroups', 'getpgid', 'getpgrp', 'getpid', 'getppid', 'getpriority', 'getresgid', 'getresuid',
    'getrlimit', 'getrusage', 'getsid', 'gettid', 'getuid', 'kill', 'landlock_add_rule', 'landlock_create_ruleset', 'landlock_restrict_self',
    'pause', 'pidfd_open', 'pidfd_send_signal', 'prctl', 'prlimit64', 'process_mrelease', 'restart_syscall', 'rseq', 'rt_sigaction',
    'rt_sigpending', 'rt_sigprocmask', 'rt_sigqueueinfo', 'rt_sigreturn', 'rt_sigsuspend', 'rt_sigtimedwait', 'rt_tgsigqueueinfo',
    'sched_get_priority_max', 'sched_get_priority_min', 'sched_getaffinity', 'sched_getattr', 'sched_getparam', 'sched_getscheduler',
    'sched_rr_get_interval', 'sched_setaffinity', 'sched_setattr', 'sched_setparam', 'sched_setscheduler', 'sched_yield', 'seccomp',
    'set_robust_list', 'set_thread_area', 'set_tid_address', 'setfsgid', 'setfsuid', 'setgid', 'setgroups', 'setpgid', 'setpriority',
    'setregid', 'setresgid', 'setresuid', 'setreuid', 'setrlimit', 'setsid', 'setuid', 'sigaltstack', 'signalfd', 'signalfd4', 'sysinfo',
    'tgkill', 'times', 'tkill', 'uname', 'vfork', 'wait4', 'waitid', 'ioprio_get', 'ioprio_set',
  ],
  time: [
    'clock_getres', 'clock_gettime', 'clock_nanosleep', 'getitimer', 'gettimeofday', 'nanosleep', 'setitimer', 'time', 'timer_create',
    'timer_delete', 'timer_getoverrun', 'timer_gettime', 'timer_settime', 'timerfd_create', 'timerfd_gettime', 'timerfd_settime',
  ],
  waiting: [
    'epoll_create', 'epoll_create1', 'epoll_ctl', 'epoll_pwait', 'epoll_pwait2', 'epoll_wait', 'eventfd', 'eventfd2', 'futex', 'futex_requeue',
    'futex_wait', 'futex_waitv', 'futex_wake', 'pipe',
    'pipe2', 'poll', 'ppoll', 'pselect6', 'select',
  ],
  // Between processes of one run, and to its own loopback: it has no other network unless it was granted one.
  sockets: [
    'accept', 'accept4', 'bind', 'connect', 'getpeername', 'getsockname', 'getsockopt', 'listen', 'recvfrom', 'recvmmsg', 'recvmsg',
    'sendmmsg', 'sendmsg', 'sendto', 'setsockopt', 'shutdown', 'socketpair',
  ],
  randomness: ['getrandom'],
};

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Of the others AF_VSOCK reaches the hypervisor past `--network none`, AF_ALG the kernel's crypto. */
const socketFamilies = [1, 2, 10, 16];

/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET; NEWTIME is a signal number for `clone` and so not in it. */
const namespaceFlags = 0x7e02_0000;

/** What `personality` may be asked for: which one is in force (0xffffffff), and the ordinary one. */
const personalities = [0x0000_0000, 0xffff_ffff];

const errno = { EPERM: 1, ENOSYS: 38 } as const;

interface Rule {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo?: number; readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ' }[];
}

const allow = (name: string, value: number): Rule => ({ names: [name], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] });

export const seccompRules: readonly Rule[] = [
  { names: Object.values(allowed).flat(), action: 'SCMP_ACT_ALLOW' },
  ...socketFamilies.map((family) => allow('socket', family)),
  ...personalities.map((persona) => allow('personality', persona)),
  { names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] },
  // Its flags are in memory, where a filter cannot see them; a C library that hears "no such call" takes `clone`.
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: errno.ENOSYS },
];

/** The profile as the engine takes it. No second architecture: the 32-bit tables of the same processor are not for a run. */
export const seccompProfile = JSON.stringify({
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: errno.EPERM,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: [] },
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: [] },
  ],
  syscalls: seccompRules,
});
