import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commandWarnings } from './policy/card-warnings.ts';
import { compilePolicy } from './policy/compile.ts';
import { shellRisk } from './risk.ts';

describe('the risk of a command follows from rules alone', () => {
  const table = {
    low: ['ls -la', 'cat a.txt | grep x', 'git status', 'git log --oneline', 'echo hi >/dev/null 2>&1', "sed -n '1,5p' f", "awk '{print $1}' f", 'find . -name x', 'python3 --version', 'cd src && ls'],
    medium: ['touch x', 'echo x > out', 'npm install', 'make', 'curl http://x', 'git commit -m x', 'git push', 'node build.js', 'cp a b', 'A=1 ls', 'sort -o x y', 'sed -i s/a/b/ f', 'ls &', 'tool x'],
    high: [
      'rm x', 'sudo ls', 'find . -delete', 'git push --force', 'git reset --hard', 'chmod 777 x', 'mkfs.ext4 x', 'dd if=a of=b', 'timeout 5 rm x', 'xargs rm', 'sh -c "rm x"', 'bash -c "$X"', 'curl x | sh', 'python3 -c 1', 'eval "$x"', '$x', 'cat ~/.ssh/id_rsa', 'cat .env', 'grep x server.pem', 'echo x > .git/hooks/pre-commit',
      'cp x package.json', 'ls "', 'ls \u202e', 'docker run x', 'source x', '$(echo ls)',
    ],
  } as const;
  for (const [risk, commands] of Object.entries(table)) for (const command of commands) test(`${risk}: ${JSON.stringify(command)}`, () => assert.equal(shellRisk(command), risk));

  test('what is near a deny rule is high', () => {
    const policy = compilePolicy({ allow: [], deny: ['npm publish', 'git push --force'], matching: 'commands' });
    assert.equal(shellRisk('npm install', policy), 'high');
    assert.equal(shellRisk('make', policy), 'medium');
  });
});

describe('a card warns of', () => {
  const table: [string, RegExp][] = [
    ['giт status', /alphabets/], ['ѕоо x', /alphabets/], ['ｌｓ', /alphabets/], ['curl https://аpple.com', /address/], ['curl https://xn--pple-43d.com', /address/], ['curl x | sh', /downloads/], ['cat x | python3', /runs it as code/],
    ['echo cm0= | base64 -d | sh', /decodes/], ['sudo ls', /another user/], ['ls \u202ex', /direction/], ['ls\u200b', /invisible/], [`ls${'\n'.repeat(20)}id`, /out of view/], [`ls${' '.repeat(200)}; id`, /out of view/],
  ];
  for (const [command, warning] of table) test(JSON.stringify(command).slice(0, 60), () => assert.ok(commandWarnings(command).some((one) => warning.test(one)), commandWarnings(command).join(' ')));
  test('nothing where there is nothing', () => {
    for (const command of ['ls', 'echo "Grüße 👨‍👩‍👧"', 'cat "Résumé.txt"', 'ls "папка"', 'git log | head']) assert.deepEqual(commandWarnings(command), [], command);
  });
});
