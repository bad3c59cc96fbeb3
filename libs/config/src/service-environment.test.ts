import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError, parseEnvironment } from './environment.ts';
import { busVariables, databaseOptions, databaseVariables, permitVariables } from './service-environment.ts';

const shape = { ...busVariables, ...databaseVariables('memory'), ...permitVariables };
const given = { NATS_URL: 'nats://nats:4222', NATS_SEED: 'seed', DATABASE_HOST: 'postgres', DATABASE_PASSWORD: 'hunter2', PERMIT_PUBLIC_KEY: 'k'.repeat(43) };

test('a service signs in to its database as itself, unless it is told otherwise', () => {
  const { user, database, port, applicationName } = databaseOptions('memory', parseEnvironment(shape, given));
  assert.deepEqual([user, database, port], ['megabot_memory', 'megabot', 5432]);
  assert.match(applicationName, /^memory@./);
  assert.equal(databaseOptions('memory', parseEnvironment(shape, { ...given, DATABASE_USER: 'somebody' })).user, 'somebody');
});

for (const [name, value, problem] of [
  ['NATS_URL', '', 'is too small or too short (minimum 1)'],
  ['NATS_SEED', undefined, 'is not set'],
  ['DATABASE_HOST', '', 'is too small or too short (minimum 1)'],
  ['DATABASE_PORT', '0', 'must be a port number, 1 to 65535'],
  ['DATABASE_PASSWORD', undefined, 'is not set'],
  ['PERMIT_PUBLIC_KEY', 'hunter2', 'is too small or too short (minimum 40)'],
] as const) {
  test(`a wrong ${name} is named, without its value`, () => {
    assert.throws(() => parseEnvironment(shape, { ...given, [name]: value }), (error: unknown) => error instanceof ConfigurationError && error.message === `configuration: ${name}: ${problem}`);
  });
}
