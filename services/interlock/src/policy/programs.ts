/** Programs by what they do with their arguments. Names are base names in lower case, without a version. */
const names = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** They start a program that stands somewhere in their arguments, or read it from input. */
export const wrappers = names(`
  env sudo doas su runuser timeout nice ionice nohup setsid stdbuf command exec builtin coproc time xargs parallel busybox toybox
  ssh watch script flock strace ltrace gdb systemd-run systemd-inhibit chroot nsenter unshare setpriv taskset chrt rlwrap unbuffer
  fakeroot proot firejail bwrap tmux screen at batch npx pnpx bunx uvx pipx dbus-run-session xvfb-run catchsegv valgrind perf
  expect run-parts start-stop-daemon cgexec numactl prlimit linux32 linux64 setarch pkexec sg newgrp entr hyperfine torsocks
  proxychains ld.so`);

/** Those whose arguments are not known well enough to say where the other program stands. */
export const looseWrappers = names(`
  parallel gdb script systemd-run systemd-inhibit nsenter unshare setpriv chrt rlwrap proot firejail bwrap tmux screen at batch uvx pipx
  dbus-run-session xvfb-run valgrind perf expect run-parts start-stop-daemon cgexec numactl prlimit sg newgrp runuser su entr
  hyperfine torsocks proxychains proxychains4 ld.so ld-linux-x86-64.so.2 lxc-attach mosh rsh caffeinate dtach abduco faketime
  eatmydata cpulimit cset schedtool sshpass autossh ccache distcc toolbox distrobox nix-shell chpst softlimit setuidgid envdir
  s6-setuidgid gosu su-exec tini dumb-init winpty wine wsl`);

export const shells = names('sh bash dash zsh ksh mksh ash fish csh tcsh rbash pwsh powershell cmd');

/** They run code that stands in a file, in an argument or on their input. */
export const interpreters = names(`
  python pypy node nodejs deno bun perl ruby irb php lua luajit tclsh wish osascript rscript r julia ghci guile racket
  scheme sbcl clisp emacs vi vim nvim ex ed gvim sqlite psql mysql mongosh redis-cli gdb lldb ipython jupyter groovy scala kotlin
  expect jshell java elixir iex erl escript m4 dc bc ts-node tsx swift octave gnuplot crystal raku perl6 coffee awk gawk mawk nawk`);

/** Builtins that change the shell, or evaluate their arguments. */
export const stateBuiltins = names(`
  . source eval trap alias unalias set unset export declare typeset local readonly shopt enable hash bind complete compgen compopt
  mapfile readarray read let getopts ulimit umask exit return break continue shift pushd popd dirs history fc times caller wait jobs
  fg bg disown suspend logout builtin command exec coproc time [ [[ if then else elif fi for while until do done case esac select
  function in`);

/** They page or edit, and start other programs on a key or an option. */
export const interactive = names('less more most man vi view nano pico info dialog whiptail mc');

/** They read code from an argument or a file, so that data may be a command. */
export const evaluators = names('. source eval trap alias');

/** The base name, case folded, as deny rules compare it. */
export function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1).toLowerCase();
}

/** `python3.11` and `python.exe` are `python`. */
export function unversioned(name: string): string {
  return name.length > 64 ? name : name.replace(/(\.exe|-?\d[\d.]*)$/, '') || name;
}

export const isInterpreter = (name: string): boolean => interpreters.has(name) || interpreters.has(unversioned(name)) || isShell(name);
export const isShell = (name: string): boolean => shells.has(name) || shells.has(unversioned(name));
