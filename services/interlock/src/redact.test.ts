import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { redact } from './redact.ts';

/** Put together here, so that no scanner takes them for real. */
const fake = (start: string, rest: string): string => start + rest;
const long = 'abcdefghijklmnopqrstuvwxyz0123456789ABCD';

describe('secrets in commands are taken out before anything is kept', () => {
  const cases: readonly (readonly [command: string, secret: string])[] = [
    // headers
    ['curl -H "Authorization: Bearer s3cr3t-value"', 's3cr3t-value'],
    ["curl -H 'authorization: basic dXNlcjpwYXNz' x", 'dXNlcjpwYXNz'],
    ['curl --header Authorization:token\\ hunter2hunter2', 'hunter2hunter2'],
    ['curl -H "Proxy-Authorization: Basic aHVudGVyMg==" x', 'aHVudGVyMg'],
    ['curl -H "Authorization: AWS4-HMAC-SHA256 Credential=hunter2/x, Signature=abc" x', 'hunter2'],
    ['curl -H "Cookie: session=hunter2" x', 'hunter2'],
    ['curl -H "X-Api-Key: hunter2" x', 'hunter2'],
    ["curl -H 'PRIVATE-TOKEN: hunter2' x", 'hunter2'],
    ['http example.org X-Vault-Token:hunter2', 'hunter2'],
    // URLs
    ['curl https://user:hunter2@host/x', 'hunter2'],
    ['psql postgres://app:hunter2@db/app', 'hunter2'],
    ['git clone https://hunter2hunter2@example.org/a', 'hunter2hunter2'],
    ['curl "https://x/y?access_token=hunter2&a=b"', 'hunter2'],
    ["curl 'https://x/y?a=b&sig=hunter2'", 'hunter2'],
    ['curl "https://bucket/x?X-Amz-Credential=hunter2&X-Amz-Signature=abc"', 'hunter2'],
    ['curl -d x https://hooks.slack.com/services/T000/B000/hunter2', 'hunter2'],
    ['curl https://api.telegram.org/bot123456:hunter2/getMe', 'hunter2'],
    ['curl https://discord.com/api/webhooks/123/hunter2', 'hunter2'],
    // options
    ['curl -u me:hunter2 x', 'hunter2'],
    ['curl --user "me:hunter two" x', 'hunter two'],
    ['tool --token hunter2', 'hunter2'],
    ['tool --api-key=hunter2 x', 'hunter2'],
    ['tool --password "hunter two"', 'hunter two'],
    ["tool --password='hunter two'", 'hunter two'],
    ['tool --pass hunter2', 'hunter2'],
    ['java -Dspring.datasource.password=hunter2 -jar x', 'hunter2'],
    ['mysql -uroot -phunter2 db', 'hunter2'],
    ["mysqldump -u root -p'hunter two' db", 'hunter two'],
    ['mysqladmin -u root -phunter2 status', 'hunter2'],
    ['sshpass -p hunter2 ssh host', 'hunter2'],
    ['redis-cli -h host -a hunter2 ping', 'hunter2'],
    ['docker login -u me -p hunter2 registry', 'hunter2'],
    ['openssl enc -aes-256-cbc -pass pass:hunter2 -in x', 'hunter2'],
    ['echo "machine h login me password hunter2" > .netrc', 'hunter2'],
    // names
    ['API_KEY=hunter2 ./run', 'hunter2'],
    ['export DB_PASSWORD="hunter 2"', 'hunter 2'],
    ['STRIPE_SECRET=hunter2 node x', 'hunter2'],
    ['env DB_PASS=hunter2 ./run', 'hunter2'],
    ['PGPASSWORD=hunter2 psql', 'hunter2'],
    ['MYSQL_PWD=hunter2 mysql', 'hunter2'],
    ['echo \'{"password": "hunter2"}\'', 'hunter2'],
    ['echo "client_secret: hunter2" > x.yml', 'hunter2'],
    ['SIGNING_KEY=hunter2 make', 'hunter2'],
    ['npm config set //registry.example/:_authToken=hunter2', 'hunter2'],
    // forms
    [`echo ${fake('AKIA', 'ABCDEFGHIJKLMNOP')}`, 'ABCDEFGHIJKLMNOP'],
    [`echo ${fake('ASIA', 'ABCDEFGHIJKLMNOP')}`, 'ABCDEFGHIJKLMNOP'],
    ...['ghp_', 'gho_', 'ghs_', 'github_pat_', 'glpat-', 'xoxb-', 'xoxp-', 'xapp-', 'sk-', 'sk_live_', 'rk_live_', 'whsec_', 'AIza', 'ya29.', 'GOCSPX-', 'npm_', 'pypi-', 'hf_', 'hvs.', 'glsa_'].map(
      (start): readonly [string, string] => [`echo ${fake(start, long)} | tool`, long],
    ),
    [`echo ${fake('dop_v1_', '0123456789abcdef'.repeat(4))}`, '0123456789abcdef'],
    [`echo ${fake('SG.', `${long}.${long}`)}`, long],
    ['echo eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc', 'eyJzdWIiOiIxIn0'],
    ['echo "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"', 'MIIabc'],
    ['echo "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn', 'b3Blbn'],
    ['gpg --import <<X\n-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQdGBF\n-----END PGP PRIVATE KEY BLOCK-----\nX', 'lQdGBF'],
    // more than one in one line
    ['API_TOKEN=first curl -u me:second https://a:third@b && mysql -pfourth', 'first'],
    ['API_TOKEN=first curl -u me:second https://a:third@b && mysql -pfourth', 'second'],
    ['API_TOKEN=first curl -u me:second https://a:third@b && mysql -pfourth', 'third'],
    ['API_TOKEN=first curl -u me:second https://a:third@b && mysql -pfourth', 'fourth'],
  ];
  for (const [command, secret] of cases) {
    test(JSON.stringify(command).slice(0, 70), () => {
      const left = redact(command);
      assert.ok(!left.includes(secret), left);
      assert.match(left, /\[redacted/);
      assert.equal(redact(left), left, 'what is redacted stays as it is');
    });
  }

  test('what stands around them is still there to be read', () => {
    assert.equal(redact('curl -s -u me:hunter2 https://example.org/x | jq .a'), 'curl -s -u [redacted] https://example.org/x | jq .a');
    assert.equal(redact('mysql -u root -phunter2 -h db shop'), 'mysql -u root -p[redacted] -h db shop');
    assert.equal(redact('git clone https://me:hunter2@example.org/a.git && cd a'), 'git clone https://[redacted]@example.org/a.git && cd a');
  });

  const harmless = [
    'ls -la', 'git commit -m "add tests"', 'npm run build', 'echo a=b', 'git log --author x', 'cat README.md | head', 'grep -rn password src', 'git log --grep=token', 'cat secrets.md',
    'curl https://example.org/user/x@y', 'ssh user@host', 'mkdir -p a/b/c', 'mysql -u root -p shop', 'cp -p a b', 'docker run -p 8080:80 nginx', 'nmap -p 22 host', 'python -m pytest -k auth',
    'find . -name "*.key"', 'ssh-keygen -t ed25519', 'git checkout feature/oauth-login', 'npm install passport', 'rg "api_key" --type ts', 'echo $API_KEY', 'tool --token "$TOKEN"', 'tool --password $PASS',
    'DB_PASSWORD="$(pass show db)" ./run', 'TOKEN=${CI_TOKEN} make', 'make keys', 'sk-learn --version', 'echo AKIA', 'xargs -a list', 'redis-cli -a', 'open https://example.org/?page=2&sort=name', 'cat tokenizer.json',
    'git config user.email me@example.org', 'authors=3 make', 'curl -X POST https://example.org/v1/items -d a=b',
  ];
  for (const command of harmless) test(`not in: ${command}`, () => assert.equal(redact(command), command));

  test('in time that does not explode, whatever is repeated', () => {
    for (const part of ['a', 'token', '-', '://', 'auth_', 'A', 'key=', '"', 'Authorization: ', 'curl -u', 'mysql -p', 'login x password ', '-----BEGIN PRIVATE KEY-----', 'A_KEY=', ' --pass', 'docker login -', 'eyJ', 'SG.aaaaaaaaaaaaaaaaaaaa.']) {
      redact(part.repeat(Math.ceil(65_536 / part.length)));
    }
  });

  test('also when anything stands around them', () => {
    const around = fc.string({ unit: fc.constantFrom('a', ' ', '\n', '"', ';', '&', '|', '/', '=', '-', ':', '$', '(', 'é'), maxLength: 40 });
    const secrets = fc.constantFrom(fake('ghp_', long), fake('xoxb-', long), fake('AKIA', 'ABCDEFGHIJKLMNOP'), 'postgres://u:hunter2@h/d');
    fc.assert(fc.property(around, around, secrets, (before, after, secret) => {
      const left = redact(`${before} ${secret} ${after}`);
      assert.ok(!left.includes(long) && !left.includes('ABCDEFGHIJKLMNOP') && !left.includes('hunter2'), left);
    }));
  });
});
