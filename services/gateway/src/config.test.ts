import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigurationError } from '@megabot/config/environment.ts';
import { readConfig, readSignInConfig } from './config.ts';

const good = {
  NATS_URL: 'nats://nats:4222', NATS_SEED: 'SU-seed', MEGABOT_AUTH_TOKEN: 'a-token-of-enough-characters', MEGABOT_WS_PASSWORD: 'a password',
  WS_SALT: Buffer.alloc(16, 1).toString('base64url'), ORIGIN_SEED: Buffer.alloc(32, 2).toString('base64url'), PERMIT_PUBLIC_KEY: Buffer.alloc(32, 3).toString('base64url'),
};
const problemsOf = (environment: Record<string, string | undefined>): string => {
  try {
    readConfig(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.join('\n');
  }
  return assert.fail('the configuration was accepted');
};

test('the defaults are the documented ports, and empty variables count as absent', () => {
  const { options } = readConfig({ ...good, MEGABOT_PORT: '', MEGABOT_UI_PORT: '', MEGABOT_PUBLIC_ORIGINS: '', LOG_LEVEL: '', MEGABOT_LISTEN: '' });
  assert.deepEqual([options.httpPort, options.wsPort, options.publishedPorts.ui, options.listen], [8_000, 18_790, 5_173, '0.0.0.0']);
});

test('MEGABOT_PORT is the HTTP port where there is no MEGABOT_HTTP_PORT', () => {
  assert.equal(readConfig({ ...good, MEGABOT_PORT: '8001' }).options.httpPort, 8_001);
  assert.equal(readConfig({ ...good, MEGABOT_PORT: '8001', MEGABOT_HTTP_PORT: '8002' }).options.httpPort, 8_002);
});

for (const [name, value] of [
  ['MEGABOT_PORT', 'abc'], ['MEGABOT_HTTP_PORT', '70000'], ['MEGABOT_WS_PORT', '0x10'], ['MEGABOT_UI_PORT', '-1'], ['MEGABOT_AUTH_TOKEN', 'too-short'], ['WS_SALT', 'c2FsdA'],
  ['ORIGIN_SEED', 'not-a-seed'], ['PERMIT_PUBLIC_KEY', 'not-a-key'], ['MEGABOT_PUBLIC_ORIGINS', 'ftp://megabot.example'], ['MEGABOT_PUBLIC_ORIGINS', 'https://megabot.example/path'], ['LOG_LEVEL', 'loud'],
] as const) {
  test(`${name}=${value} is refused by name, never by value`, () => {
    const problems = problemsOf({ ...good, [name]: value });
    assert.match(problems, new RegExp(`^${name}:`));
    assert.ok(!problems.includes(value));
  });
}

for (const name of Object.keys(good)) test(`${name} has to be given`, () => assert.match(problemsOf({ ...good, [name]: undefined }), new RegExp(`^${name}: is not set`)));

test('an empty password turns encryption off, a file may hold it, and a missing file is an error', async () => {
  assert.equal(readConfig({ ...good, MEGABOT_WS_PASSWORD: '' }).options.wsPassword, '');
  const directory = await mkdtemp(join(tmpdir(), 'gateway-config-'));
  try {
    const file = join(directory, 'password');
    await writeFile(file, 'from a file\n');
    assert.equal(readConfig({ ...good, MEGABOT_WS_PASSWORD: undefined, MEGABOT_WS_PASSWORD_FILE: file }).options.wsPassword, 'from a file');
    assert.match(problemsOf({ ...good, MEGABOT_WS_PASSWORD: undefined, MEGABOT_WS_PASSWORD_FILE: join(directory, 'absent') }), /^MEGABOT_WS_PASSWORD_FILE: the file cannot be read/);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('printing a sign-in link needs the token and the port of the UI, nothing else', () => {
  assert.deepEqual(readSignInConfig({ MEGABOT_AUTH_TOKEN: good.MEGABOT_AUTH_TOKEN, MEGABOT_UI_PORT: '5174' }), { token: good.MEGABOT_AUTH_TOKEN, uiPort: 5_174 });
});
