import assert from 'node:assert/strict';
import { access, mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { execute, repository } from '@megabot/testing/stack.ts';

const key = 'A'.repeat(43);
const gateway = { NATS_URL: 'nats://127.0.0.1:1', NATS_SEED: 'seed', MEGABOT_AUTH_TOKEN: 'a-token-of-enough-characters', MEGABOT_WS_PASSWORD: 'x', WS_SALT: 'A'.repeat(22), ORIGIN_SEED: key, PERMIT_PUBLIC_KEY: key };
const database = { NATS_URL: 'nats://127.0.0.1:1', NATS_SEED: 'seed', DATABASE_HOST: '127.0.0.1' };

/** A process whose configuration cannot be used names what is wrong, never the value, and exits with 1. */
suite('a process that cannot start', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'megabot-start-'));
  });
  after(async () => await rm(folder, { recursive: true, force: true }));
  const start = async (service: string, environment: Record<string, string>) =>
    await execute(process.execPath, ['--disable-warning=ExperimentalWarning', join(repository, 'services', service, 'src/main.ts')], { PATH: process.env['PATH'], ...environment });

  const cases: readonly { service: string; environment: Record<string, string>; names: RegExp; hides?: string }[] = [
    { service: 'gateway', environment: { ...gateway, MEGABOT_PORT: 'abc-not-a-port' }, names: /MEGABOT_PORT/, hides: 'abc-not-a-port' },
    { service: 'gateway', environment: { ...gateway, MEGABOT_PORT: '70000' }, names: /MEGABOT_PORT/, hides: '70000' },
    { service: 'gateway', environment: { ...gateway, MEGABOT_AUTH_TOKEN: 'too-short-a-token' }, names: /MEGABOT_AUTH_TOKEN/, hides: 'too-short-a-token' },
    { service: 'gateway', environment: { ...gateway, MEGABOT_WS_PASSWORD_FILE: '/nowhere/ws_password', ...without('MEGABOT_WS_PASSWORD') }, names: /MEGABOT_WS_PASSWORD_FILE: .*cannot be read/ },
    { service: 'gateway', environment: { ...gateway, ORIGIN_SEED: 'not-a-seed' }, names: /ORIGIN_SEED/, hides: 'not-a-seed' },
    { service: 'interlock', environment: { ...database, MEGABOT_CONFIG_DIR: '/nowhere', PERMIT_SEED: key, ORIGIN_PUBLIC_KEY: key, DATABASE_PASSWORD_FILE: tmpdir() }, names: /DATABASE_PASSWORD_FILE: .*cannot be read/ },
    { service: 'interlock', environment: { ...database, DATABASE_PASSWORD: 'a-database-password', DATABASE_PORT: '5432x' }, names: /DATABASE_PORT.*|MEGABOT_CONFIG_DIR/, hides: 'a-database-password' },
    { service: 'memory', environment: { ...database, DATABASE_PASSWORD_FILE: '/nowhere/db' }, names: /DATABASE_PASSWORD_FILE: .*cannot be read/ },
    { service: 'orchestrator', environment: { NATS_URL: 'nats://127.0.0.1:1', NATS_SEED: 'seed', MEGABOT_MODEL_URL: 'http://user:a-secret@host' }, names: /MEGABOT_MODEL_URL/, hides: 'a-secret' },
    { service: 'sandbox', environment: { NATS_URL: 'nats://127.0.0.1:1', NATS_SEED: 'seed', PERMIT_PUBLIC_KEY: key, SANDBOX_WORKSPACES: '/w', SANDBOX_DRIVER: 'some-other' }, names: /SANDBOX_DRIVER/, hides: 'some-other' },
    { service: 'ui', environment: { MEGABOT_UI_LISTEN_PORT: 'abc-not-a-port' }, names: /MEGABOT_UI_LISTEN_PORT/, hides: 'abc-not-a-port' },
  ];
  for (const { service, environment, names, hides } of cases) {
    test(`${service} with a bad ${names.source.replace(/\W.*$/, '')} names it and exits with 1`, async () => {
      const { code, stdout, stderr } = await start(service, environment);
      assert.equal(code, 1);
      assert.match(stderr, names);
      if (hides !== undefined) assert.ok(!`${stdout}${stderr}`.includes(hides), stderr);
      assert.doesNotMatch(stderr, /\n\s+at /, 'a person gets no stack trace');
    });
  }

  test('standalone with a configuration that cannot be read names the file and exits with 1', async () => {
    const home = join(folder, 'unreadable');
    await mkdir(join(home, 'config', 'meta-config.yaml'), { recursive: true });
    const { code, stderr } = await start('standalone', { MEGABOT_HOME: home, MEGABOT_PORT: '1', MEGABOT_UI_PORT: '1', MEGABOT_WS_PORT: '1' });
    assert.equal(code, 1);
    assert.match(stderr, /meta-config\.yaml cannot be read/);
  });

  for (const [name, value] of [['MEGABOT_PORT', 'abc-not-a-port'], ['MEGABOT_WS_PORT', '0'], ['MEGABOT_AUTH_TOKEN', 'too-short-a-token'], ['MEGABOT_MODE', 'neither-of-them']] as const) {
    test(`make up with a bad ${name} says so and changes nothing`, async () => {
      const home = join(folder, name);
      const { code, stdout, stderr } = await execute('infra/host/up.sh', [], { PATH: process.env['PATH'], HOME: process.env['HOME'], MEGABOT_HOME: home, [name]: value });
      assert.equal(code, 1);
      assert.ok(stderr.includes(name));
      if (value.length > 1) assert.ok(!`${stdout}${stderr}`.includes(value));
      await assert.rejects(access(join(home, '.env')));
      await assert.rejects(access(join(home, 'secrets')));
    });
  }

  test('a setting in .env is checked as one in the environment', async () => {
    const home = join(folder, 'settings');
    await mkdir(home, { recursive: true });
    await writeFile(join(home, '.env'), 'MEGABOT_UI_PORT=abc-not-a-port\n');
    const { code, stderr } = await execute('infra/host/up.sh', [], { PATH: process.env['PATH'], HOME: process.env['HOME'], MEGABOT_HOME: home });
    assert.equal(code, 1);
    assert.match(stderr, /MEGABOT_UI_PORT/);
  });
});

/** Takes a name out of the environment that is spread before it. */
function without(name: string): Record<string, string> {
  return { [name]: undefined } as unknown as Record<string, string>;
}
