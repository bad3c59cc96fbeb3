import { spawn } from 'node:child_process';

/** What one script made bash start: each program with its arguments, in the order in which they began. */
export interface Observed {
  readonly status: number;
  readonly started: readonly (readonly string[])[];
}

/** Programs that are recorded and do nothing more. */
export const stubs = ['ls', 'cat', 'rm', 'shutdown', 'git', 'tool', 'mkfs', 'curl', 'npm', 'make', 'wc', 'grep', 'sudo', 'true', 'false', 'echo', 'printf', 'test', 'pwd', 'tee', 'sort', 'awk', 'sed', 'head', 'dir', 'cp', 'date', 'sleep', 'touch', 'mkdir'];
/** Programs that are recorded and then do what they do, so that what they start is recorded as well. */
const starters = ['env', 'nice', 'timeout', 'nohup', 'stdbuf', 'xargs', 'find', 'setsid', 'base64', 'rev', 'tr'];

const stub = `#!/bin/bash -p
name=\${0##*/}
[ "$name" = .record ] || set -- "$name" "$@"
printf '%s\\0' R "$#" "$@" >> "$RECORD"
case $1 in
  sh|bash|dash) shift; exec /bin/bash "$@" ;;
  ${starters.join('|')}) exec "/usr/bin/$1" "\${@:2}" ;;
  cat|tee|head) exec "/usr/bin/$1" "\${@:2}" ;;
  echo) shift; builtin echo "$@" ;;
  printf) shift; builtin printf "$@" ;;
  false) exit 1 ;;
esac
exit 0
`;

/** Every script runs in an empty folder, with programs that only record, and builtins of the same names switched off. */
const runner = `
mkdir -p /tmp/stubs
printf '%s' "$STUB" > /tmp/stubs/.record
chmod 755 /tmp/stubs/.record
for name in $NAMES; do ln -s .record "/tmp/stubs/$name"; done
printf '%s\\n' 'enable -n echo printf test [ true false pwd kill' 'command_not_found_handle() { /tmp/stubs/.record "$@"; }' > /tmp/prelude
mkdir /tmp/records
while IFS= read -r -d '' script; do
  # What a script leaves running writes to its own file, which nobody reads any more.
  RECORD=/tmp/records/$((count += 1))
  rm -rf /workspace/* /workspace/.[!.]*
  : > "$RECORD"
  (cd /workspace && exec env -i HOME='~' USER=agent LANG=C.UTF-8 TERM=dumb TMPDIR=/tmp PATH=/tmp/stubs RECORD="$RECORD" BASH_ENV=/tmp/prelude /usr/bin/timeout -s KILL 5 /bin/bash --noprofile --norc -c "$script") < /dev/null > /dev/null 2>&1
  status=$?
  cat "$RECORD"
  printf 'E\\0%s\\0' "$status"
done
`;

/**
 * Runs scripts one after the other in a throw-away container: no network, no rights, nothing to write but memory.
 * @throws Error with what the engine said
 */
export async function observe(scripts: readonly string[], image = 'megabot/sandbox:0.1.0'): Promise<Observed[]> {
  const names = [...stubs, ...starters, 'sh', 'bash'].join(' ');
  const options = ['--rm', '--interactive', '--label', 'megabot.test=bash', '--network', 'none', '--read-only', '--tmpfs', '/tmp:exec', '--tmpfs', '/workspace:mode=1777'];
  const limits = ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--pids-limit', '512', '--memory', '512m', '--ulimit', 'nofile=256'];
  const child = spawn('docker', ['run', ...options, ...limits, '--env', `STUB=${stub}`, '--env', `NAMES=${names}`, '--entrypoint', '/bin/bash', image, '-p', '-c', runner], { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(scripts.map((script) => `${script}\0`).join(''));
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const observed = parse(Buffer.concat(output).toString('utf8').split('\0'));
  if (code !== 0 || observed.length !== scripts.length) throw new Error(`${observed.length} of ${scripts.length} scripts ran (${code}): ${Buffer.concat(errors).toString('utf8').slice(0, 2_000)}`);
  return observed;
}

function parse(fields: readonly string[]): Observed[] {
  const observed: Observed[] = [];
  let started: string[][] = [];
  for (let at = 0; at < fields.length; ) {
    if (fields[at] === 'R') {
      const count = Number(fields[at + 1]);
      started.push(fields.slice(at + 2, at + 2 + count));
      at += 2 + count;
    } else if (fields[at] === 'E') {
      observed.push({ status: Number(fields[at + 1]), started });
      started = [];
      at += 2;
    } else at += 1;
  }
  return observed;
}
