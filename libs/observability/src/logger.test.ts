import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const loggerFile = fileURLToPath(new URL('logger.ts', import.meta.url));

/** What a process prints that logs `statement`; the logger writes to the descriptor itself. */
const printed = (statement: string, level = 'info'): string =>
  spawnSync(process.execPath, ['--input-type=module', '-e', `import { createLogger } from '${loggerFile}'; const logger = createLogger('test', '${level}'); ${statement}`], { encoding: 'utf8' }).stdout;

test('secrets never reach the log, at any of three depths', () => {
  const secrets = "{ token: 'S1', password: 'S2', authorization: 'S3', cookie: 'S4', proof: 'S5', seed: 'S6', apiKey: 'S7' }";
  const output = printed(`logger.info(${secrets}, 'one'); logger.info({ a: ${secrets} }, 'two'); logger.child({ b: 1 }).info({ a: { b: ${secrets} } }, 'three');`);
  assert.equal(output.trim().split('\n').length, 3);
  assert.doesNotMatch(output, /S[1-7]/);
  assert.match(output, /\[redacted\]/);
});

test('an entry is one line of JSON with service and time, and lower levels stay silent', () => {
  const entry = JSON.parse(printed("logger.debug({ n: 1 }, 'hidden'); logger.info({ n: 2 }, 'shown');")) as Record<string, unknown>;
  assert.deepEqual([entry['service'], entry['n'], entry['msg']], ['test', 2, 'shown']);
  assert.match(String(entry['time']), /^\d{4}-\d\d-\d\dT.*Z$/);
});
