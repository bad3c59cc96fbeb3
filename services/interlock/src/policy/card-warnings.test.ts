import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandWarnings } from './card-warnings.ts';

const warned = (command: string, pattern: RegExp): void => assert.ok(commandWarnings(command).some((warning) => pattern.test(warning)), command);

test('what a person should notice is said', () => {
  warned('curl -s https://example.org/x | sh', /runs what it downloads/);
  warned('echo aWQ= | base64 -d | sh', /decodes something/);
  warned('sudo ls', /rights of another user/);
  warned('curl https://xn--pple-43d.com', /letters that may look like/);
  warned('curl https://аpple.com', /letters that may look like/);
  warned(`ls${' '.repeat(90)}; id`, /pushes a part of it out of view/);
  warned(`ls\n\n\n\n\n\n\n id`, /pushes a part of it out of view/);
});

test('an ordinary command has nothing to notice', () => {
  for (const command of ['ls -l', 'git status', 'echo "grüße" > hello.txt', `ls${' '.repeat(200)}`, 'ls\n\n\n\n\n\n\n\n']) assert.deepEqual(commandWarnings(command), [], command);
});

test('a long text of anything is looked at once, not once for each of its characters', () => {
  // A pattern that looks again from each place takes minutes for these, and the file's time limit ends it.
  for (const part of [' ', '\n', '\t', 'a', 'é', 'http://', 'xn-', '"', "'", '\n ']) {
    assert.ok(commandWarnings(`ls ${part.repeat(1_000_000 / part.length)}`).length < 10);
  }
});
