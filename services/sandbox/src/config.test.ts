import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from '@megabot/config/environment.ts';
import { readConfig } from './config.ts';

const environment = { NATS_URL: 'nats://x', NATS_SEED: 's', PERMIT_PUBLIC_KEY: 'k'.repeat(43), SANDBOX_WORKSPACES: '/w' };

test('commands run in our own image, and in those that the operator names with a tag or a digest', () => {
  assert.deepEqual(readConfig(environment).allowedImages, ['megabot/sandbox:0.1.0']);
  const more = ['python:3.13-slim', 'registry.example:5000/team/tools:2', `debian@sha256:${'a'.repeat(64)}`];
  assert.deepEqual(readConfig({ ...environment, SANDBOX_IMAGES: more.join(', ') }).allowedImages, ['megabot/sandbox:0.1.0', ...more]);
  for (const bad of ['python', 'python:latest', 'Python:3', 'python:3 --privileged', '-v:1', 'x@sha256:abc', '../x:1\n']) {
    assert.throws(() => readConfig({ ...environment, SANDBOX_IMAGES: bad }), ConfigurationError, bad);
  }
});
