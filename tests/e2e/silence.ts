import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Stack } from '@megabot/testing/stack.ts';
import { sendStray, type Captured } from './capture.ts';

/** Reserved for documentation (RFC 5737): nobody answers there. */
const strayDestination = '198.51.100.77';

/** What the capture saw since the stack started. Runs after everything that is not meant to reach outwards. */
export function silence(stack: () => Stack, stopCapture: () => Promise<Captured>): void {
  suite('a packet capture over the whole run', () => {
    test('shows nothing that leaves the project\'s networks, and would have shown it', async () => {
      await sendStray(stack(), strayDestination);
      const { packets, dropped, leaks } = await stopCapture();
      const strays = Object.keys(leaks).filter((flow) => flow.includes(strayDestination));
      const others = Object.entries(leaks).filter(([flow]) => !flow.includes(strayDestination));
      assert.ok(strays.length > 0, 'the packet that was sent on purpose was seen');
      assert.ok(packets > 1_000, `${packets} packets were seen`);
      assert.deepEqual(others, []);
      assert.ok(dropped < packets / 100, `${dropped} of ${packets} packets were not looked at`);
    });
  });
}
