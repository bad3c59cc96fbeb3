import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigurationError, type Environment } from '@megabot/config/environment.ts';
import { readConfig } from './config.ts';

const given: Environment = { NATS_URL: 'nats://nats:4222', NATS_SEED: 'seed', PERMIT_PUBLIC_KEY: 'k'.repeat(43) };

describe('the configuration of the orchestrator', () => {
  it('takes an empty model setting, as compose passes it, for none', () => {
    const { model } = readConfig({ ...given, MEGABOT_MODEL_URL: '', MEGABOT_MODEL: '', MEGABOT_MODEL_API_KEY: '' });
    assert.deepEqual([model.url, model.name, model.apiKey, model.idleTimeoutMs], [null, null, null, 60_000]);
  });

  for (const [name, value] of [
    ['MEGABOT_MODEL_URL', 'hunter2'],
    ['MEGABOT_MODEL_URL', 'ftp://hunter2'],
    ['MEGABOT_MODEL_URL', 'http://me:hunter2@host'],
    ['MEGABOT_MODEL_IDLE_SECONDS', 'hunter2'],
    ['LOG_LEVEL', 'hunter2'],
  ] as const) {
    it(`refuses a wrong ${name} by its name, without its value`, () => {
      assert.throws(
        () => readConfig({ ...given, [name]: value }),
        (error: unknown) => error instanceof ConfigurationError && error.problems.some((problem) => problem.startsWith(`${name}:`)) && !error.message.includes('hunter2'),
      );
    });
  }
});
