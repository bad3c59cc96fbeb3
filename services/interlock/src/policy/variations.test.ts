import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicy, judge } from './decide.ts';

const numRuns = process.env['MEGABOT_TEST_COUNTS'] === 'full' ? 20_000 : 2_500;
const allow = ['ls', 'cat', 'echo', 'printf', 'grep', 'find', 'sort', 'sed', 'awk', 'git', 'npm run', 'make', 'tar', 'true', 'cd', 'env', 'xargs', 'sh', 'bash', 'sudo', 'python3', 'timeout', 'nice'];
const deny = ['rm -rf', 'curl', 'shutdown', 'mkfs', 'git push', '/etc/shadow', '--force'];
const careful = compilePolicy({ allow, deny, matching: 'commands' });
const open = compilePolicy({ allow: ['*'], deny, matching: 'commands' });

type Wrap = (inner: string) => string;
const single: Wrap = (inner) => `'${inner.replaceAll("'", `'\\''`)}'`;
const double: Wrap = (inner) => `"${inner.replace(/["\\$`]/g, '\\$&')}"`;
const hex: Wrap = (inner) => Array.from(Buffer.from(inner), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
const octal: Wrap = (inner) => Array.from(Buffer.from(inner), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
const base64: Wrap = (inner) => Buffer.from(inner).toString('base64');

/** One denied program and how it may be spelled. */
const spelled = (name: string): fc.Arbitrary<string> =>
  fc.constantFrom<Wrap>(
    (it) => it, (it) => it.toUpperCase(), (it) => `/bin/${it}`, (it) => `/usr/sbin/../bin/${it}`, (it) => `./${it}`, (it) => `'${it}'`, (it) => `"${it}"`, (it) => `${it.charAt(0)}""${it.slice(1)}`, (it) => `${it.charAt(0)}''${it.slice(1)}`,
    (it) => `\\${it}`, (it) => `${it.charAt(0)}\\${it.slice(1)}`, (it) => `$'${hex(it)}'`, (it) => `$'${octal(it)}'`, (it) => `${it.charAt(0)}\\\n${it.slice(1)}`, (it) => `${it.charAt(0)}\u200b${it.slice(1)}`, (it) => `/b?n/${it.charAt(0)}?${it.slice(2)}`,
    (it) => Array.from(it, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0)).join(''),
  ).map((spell) => spell(name));
const space = fc.constantFrom(' ', '  ', '\t', ' \\\n', ' \\\n\t');
const flags = fc.constantFrom('-rf', '-fr', '-r -f', '-f -R', '-vrf', '--recursive --force', '-r --force', '--rec --fo', "'-rf'", '-"rf"', '-r\\f', "$'-rf'", '-v -- -rf -f -r'.slice(0, 2) + ' -rf', '{-r,-f}');

const denied = fc.oneof(
  fc.tuple(spelled('rm'), space, flags, fc.constantFrom('x', '/', '"$HOME"', '*', '.')).map(([name, gap, options, target]) => `${name}${gap}${options}${gap}${target}`),
  fc.tuple(spelled('curl'), space, fc.constantFrom('http://x', '-sS x', '')).map((parts) => parts.join('')),
  fc.tuple(spelled('shutdown'), space, fc.constantFrom('now', '')).map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('mkfs.ext4', 'mkfs', '/sbin/mkfs.xfs'), space, fc.constant('/dev/sda')).map((parts) => parts.join('')),
  fc.tuple(spelled('git'), space, fc.constantFrom('', '-C x ', '-c a.b=c ', '--git-dir=x ', '--no-pager -C y '), fc.constantFrom('push', "'push'", 'pu""sh', 'push origin')).map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('cat', 'cp -t .', 'base64', 'dd', 'tool'), space, fc.constantFrom('/etc/shadow', '//etc/./shadow', '/etc/x/../shadow', '../etc/shadow', '/e*/shadow', "'/etc'/shadow", '/etc/shado[w]', 'if=/etc/shadow', '@/etc/shadow', '/proc/self/root/etc/shadow')).map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('tool', 'git fetch', 'npm install'), space, fc.constantFrom('--force', '--forc', '--force=x', "'--force'", '-""-force')).map((parts) => parts.join('')),
);

/** What does not change that the inner command runs, as a reader can see. */
const visible = fc.constantFrom<Wrap>(
  (it) => it, (it) => `  ${it}  `, (it) => `\n\n${it}\n`, (it) => `ls; ${it}`, (it) => `ls && ${it} || ls`, (it) => `ls | ${it}`, (it) => `${it} | cat`, (it) => `ls\n${it}`, (it) => `ls & ${it} &`, (it) => `(${it})`, (it) => `{ ${it}\n}`, (it) => `! ${it}`, (it) => `time ${it}`, (it) => `coproc ${it}`,
  (it) => `if true; then ${it}\nfi`, (it) => `if ${it}\nthen ls; fi`, (it) => `for i in 1; do ${it}\ndone`, (it) => `while ${it}\ndo break; done`, (it) => `case a in a) ${it}\n;; esac`, (it) => `f() { ${it}\n}; f`, (it) => `function f { ${it}\n}`,
  (it) => `echo $(${it})`, (it) => `echo "a $(${it}) b"`, (it) => `x=$(${it})`, (it) => `ls > $(${it})`, (it) => `cat <(${it})`, (it) => `cat 2<(${it})`, (it) => `echo "\${x:-$(${it})}"`, (it) => `export A=$(${it})`, (it) => `a=($(${it}))`, (it) => `cat <<E\n$(${it})\nE`, (it) => `cat <<< "$(${it})"`, (it) => `[[ -n $(${it}) ]]`,
  (it) => `ls # note\n${it}`, (it) => `ls '# note'; ${it}`, (it) => `${'true; '.repeat(60)}${it}`, (it) => `ls ${' '.repeat(300)}; ${it}`, (it) => `A=1 ls; ${it}`, (it) => `ls >/dev/null 2>&1; ${it}`, (it) => `trap ${single(it)} EXIT`, (it) => `eval ${single(it)}`, (it) => `sh -c ${single(it)}`, (it) => `bash -lc ${double(it)}`, (it) => `bash <<< ${single(it)}`, (it) => `sh <<'E'\n${it}\nE`, (it) => `env -S ${single(it)}`, (it) => `su -c ${single(it)}`, (it) => `ssh host ${single(it)}`,
  (it) => `watch ${single(it)}`, (it) => `script -c ${single(it)} /dev/null`, (it) => `flock /tmp/l -c ${single(it)}`, (it) => `git -c alias.x=${single(`!${it}`)} x`, (it) => `git rebase -x ${single(it)} main`, (it) => `parallel ${single(it)} ::: 1`, (it) => `xargs -I{} sh -c ${single(it)}`,
  (it) => `echo ${single(it)} | sh`, (it) => `printf ${double(it)} | bash -s`, (it) => `cat <<'E' | sh\n${it}\nE`,
);
/** Programs that start what follows; a line, so only for one simple command. */
const prefix = fc.constantFrom('', 'sudo ', 'sudo -u x ', 'env ', 'env A=1 B=2 ', 'env -i -u X ', 'nice -n 5 ', 'nice ', 'timeout 5 ', 'timeout -s KILL 5 ', 'nohup ', 'setsid ', 'stdbuf -oL ', 'ionice -c 3 ', 'command ', 'command -p ', 'exec ', 'builtin command ', 'xargs ', 'xargs -n 1 ', 'find . -exec ', 'busybox ', 'ssh -p 22 host ', 'chroot / ', 'doas ', 'strace -o f ', 'docker run -it alpine ', 'kubectl exec pod -- ', 'npx ', 'npm exec -- ', 'systemd-run ', 'flock /tmp/l ', 'A=1 ', 'LANG=C ', '2>/dev/null ', 'env timeout 5 nice sudo ', 'watch ');

test('what is denied stays denied, however it is spelled, spaced, chained and wrapped, also under "allow *"', () => {
  fc.assert(
    fc.property(denied, prefix, fc.array(visible, { maxLength: 2 }), (command, before, wraps) => {
      const line = wraps.reduce((inner, wrap) => wrap(inner), before + command);
      assert.equal(judge(line, open).decision, 'deny', JSON.stringify(line));
      assert.equal(judge(line, careful).decision, 'deny', JSON.stringify(line));
    }),
    { numRuns },
  );
});

/** What a reader cannot see through. */
const hidden = fc.constantFrom<Wrap>(
  (it) => `echo ${base64(it)} | base64 -d | sh`, (it) => `base64 -d <<< ${base64(it)} | bash`, (it) => `eval "$(echo ${base64(it)} | base64 -d)"`, (it) => `printf '${hex(it)}' | sh`, (it) => `sh -c "$(printf '${octal(it)}')"`, (it) => `bash <(echo ${base64(it)} | base64 -d)`, (it) => `echo ${single(Array.from(it).toReversed().join(''))} | rev | sh`,
  (it) => `a=${single(it)}; $a`, (it) => `a=${single(it)}; eval "$a"`, (it) => `python3 -c "import os; os.system('${hex(it)}')"`, (it) => `. <(echo ${base64(it)} | base64 -d)`, (it) => `f=${single(it)} sh -c 'eval "$f"'`, (it) => `echo ${single(it)} > x; sh x`, (it) => `a='x[$(${it})]'; echo $((a))`, (it) => `a='$(${it})'; echo "\${a@P}"`, (it) => `xxd -r -p <<< ${Buffer.from(it).toString('hex')} | sh`,
  (it) => `awk 'BEGIN { system("${hex(it)}") }'`, (it) => `find . -exec sh -c "$(echo ${base64(it)} | base64 -d)" \\;`, (it) => `sed '1e ${it}' f`, (it) => `tar -cf x --checkpoint-action=exec=${single(it)} .`, (it) => `git -c core.pager=${single(it)} log`, (it) => `make SHELL=${single(it)}`, (it) => `echo ${single(it)} | xargs -I{} sh -c {}`, (it) => it.split(' ').map((word) => `$(echo ${word})`).join(' '), (it) => it.replaceAll(' ', '${IFS}'),
);

test('a denied command is never allowed, also where it is encoded', () => {
  fc.assert(
    fc.property(fc.constantFrom('rm -rf x', 'curl http://x', 'shutdown now', 'git push'), hidden, fc.array(visible, { maxLength: 1 }), (command, hide, wraps) => {
      const line = wraps.reduce((inner, wrap) => wrap(inner), hide(command));
      assert.notEqual(judge(line, careful).decision, 'allow', JSON.stringify(line));
    }),
    { numRuns },
  );
});

const allowed = fc.tuple(fc.constantFrom('ls', 'cat', 'echo', '/bin/ls', 'git status', 'git log', 'npm run build', 'make', 'true', 'grep x'), fc.array(fc.constantFrom("'rm -rf x'", '"shutdown now"', "'git push'", 'src', 'a.txt', '"b c"', 'rm', '$HOME', '"$USER"'), { maxLength: 3 }));
const harmless = fc.constantFrom<Wrap>((it) => it, (it) => ` ${it} `, (it) => `${it};`, (it) => `${it}\n`, (it) => `${it} 2>&1`, (it) => `${it} >/dev/null`, (it) => `LANG=C ${it}`, (it) => `nice -n 5 ${it}`, (it) => `timeout 60 ${it}`, (it) => `${it} | cat`, (it) => `ls && ${it}`, (it) => `${it} \\\n  | sort`, (it) => `cd src; ${it}`, (it) => `${it} || true`);

test('what is allowed stays allowed under everyday variations, and runs rebuilt', () => {
  fc.assert(
    fc.property(allowed, harmless, ([name, words], vary) => {
      const line = vary(name === 'make' || name === 'true' ? name : [name, ...words].join(' '));
      const judgement = judge(line, careful);
      assert.equal(judgement.decision, 'allow', `${JSON.stringify(line)} ${judgement.reasons.join(' ')}`);
      assert.equal(judge(line.replaceAll('\n', ' \n'), careful).decision === 'allow' || line.includes('\\\n'), true);
      // The script that runs instead never gives a shell more to read than words, wildcards, operators and the runner's variables.
      const bare = (judgement.canonicalScript ?? '').replace(/'[^']*'|\\'|"\$(HOME|PWD|USER|TMPDIR|LANG|\?)"|(2>&1|>\/dev\/null|LANG=)/g, '');
      assert.match(bare, /^[\s;&|*?]*$/, judgement.canonicalScript);
    }),
    { numRuns: Math.floor(numRuns / 2) },
  );
});
