import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { ConfigurationError, flag, parseEnvironment, port, wholeNumber } from './environment.ts';

const problemsOf = (shape: z.ZodRawShape, environment: Record<string, string>): readonly string[] => {
  try {
    parseEnvironment(shape, environment);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems;
  }
  return [];
};

test('a bad value is named with what it must be, and never quoted', () => {
  const problems = problemsOf(
    { MEGABOT_PORT: port, TOKEN: z.string().min(22), COUNT: wholeNumber(1, 9), ON: flag, LEVEL: z.enum(['a', 'b']) },
    { MEGABOT_PORT: 'abc', TOKEN: 'hunter2', COUNT: '10', ON: 'yes', LEVEL: 'hunter2' },
  );
  assert.deepEqual(problems.map((problem) => problem.split(':')[0]), ['MEGABOT_PORT', 'TOKEN', 'COUNT', 'ON', 'LEVEL']);
  assert.ok(!problems.join().includes('hunter2') && !problems.join().includes('abc'));
  assert.match(problems[0] ?? '', /port number, 1 to 65535/);
});

for (const value of ['0', '65536', '-1', '80x', '', '8e3', ' 80']) {
  test(`"${value}" is no port`, () => assert.equal(problemsOf({ P: port }, { P: value }).length, 1));
}

test('a value that is not given is said to be missing', () => {
  assert.deepEqual(problemsOf({ TOKEN: z.string() }, {}), ['TOKEN: is not set']);
});

test('NAME_FILE is read without its last line break, and NAME wins over it, also when empty', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'megabot-env-')), 'password');
  await writeFile(file, 'from the file\n');
  const shape = { PASSWORD: z.string() };
  assert.deepEqual(parseEnvironment(shape, { PASSWORD_FILE: file }), { PASSWORD: 'from the file' });
  assert.deepEqual(parseEnvironment(shape, { PASSWORD_FILE: file, PASSWORD: 'given' }), { PASSWORD: 'given' });
  assert.deepEqual(parseEnvironment(shape, { PASSWORD_FILE: file, PASSWORD: '' }), { PASSWORD: '' });
});

test('a secret file that is missing is named once, with the reason', () => {
  assert.deepEqual(problemsOf({ PASSWORD: z.string() }, { PASSWORD_FILE: '/nowhere/password' }), [
    'PASSWORD_FILE: the file cannot be read (ENOENT)',
  ]);
});
