import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { wireHashes } from './wire-lock.ts';

test('nothing that crosses a process or reaches a client changes unnoticed', async () => {
  const agreed = JSON.parse(await readFile(new URL('wire.lock.json', import.meta.url), 'utf8')) as Record<string, string>;
  const now = wireHashes();
  const names = [...new Set([...Object.keys(agreed), ...Object.keys(now)])];
  const changes = names.filter((name) => agreed[name] !== now[name]).map((name) => {
    if (agreed[name] === undefined) return `${name} (new)`;
    return now[name] === undefined ? `${name} (gone)` : `${name} (changed)`;
  });
  assert.deepEqual(
    changes, [],
    'Wire schemas differ from wire.lock.json. A new field must be optional, and a field or frame that clients know stays as it is: ' +
      'services of two versions run side by side during an update. If the change is on purpose and keeps to that, ' +
      'run `node libs/contracts/src/wire-lock-update.ts` and commit the lock file with it.',
  );
});
