import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { Stack } from '@megabot/testing/stack.ts';
import { openTalk } from './talk.ts';

const run = promisify(execFile);

/** `make up` a second time, and a model that is not there. */
export function installation(stack: () => Stack): void {
  suite('the installation', () => {
    test('a second make up changes nothing, and prints the three addresses and a new link', async () => {
      const before = await stack().containers();
      const printed = await stack().up();
      const after = await stack().containers();
      const longRunning = (containers: typeof before) => containers.filter((container) => !container.oneShot).map(({ id, startedAt }) => `${id} ${startedAt}`).sort((a, b) => a.localeCompare(b));
      assert.deepEqual(longRunning(after), longRunning(before));
      for (const address of [stack().uiUrl, stack().httpUrl, stack().wsUrl]) assert.ok(printed.includes(address), address);
      assert.match(printed, /#code=[A-Za-z0-9_-]{40,}/);
      assert.ok(!printed.includes(stack().token) && !printed.includes(stack().password));
    });

    test('no secret is in any log or any container\'s environment', async () => {
      const secrets = [stack().token, stack().password];
      for (const container of await stack().containers()) {
        const { stdout, stderr } = await run('docker', ['logs', container.id], { maxBuffer: 1 << 28 });
        const { stdout: environment } = await run('docker', ['inspect', '--format', '{{json .Config.Env}}', container.id]);
        for (const secret of secrets) assert.ok(!`${stdout}${stderr}${environment}`.includes(secret), container.service);
      }
    });

    test('without a model, chat says which address was tried, and !run works all the same', async () => {
      const { id } = await stack().container('model');
      await run('docker', ['stop', '--time', '1', id]);
      const talk = await openTalk(stack());
      try {
        const final = await talk.ask('anybody there?', 60_000);
        assert.equal(final.status, 'failed');
        assert.match(final.text, /model:8080/);
        assert.match((await talk.approved('!run echo without a model')).text, /without a model/);
      } finally {
        await run('docker', ['start', id]);
        await stack().waitHealthy('model');
      }
      assert.equal((await talk.ask('back again')).text, 'echo: back again');
      await talk.close();
    });
  });
}
