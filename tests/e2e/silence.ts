import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { suite, test } from 'node:test';
import type { Stack } from '@megabot/testing/stack.ts';
import { sendStray, type Captured } from './capture.ts';

/** Reserved for documentation (RFC 5737): nobody answers there. */
const strayDestination = '198.51.100.77';

/**
 * Whether a flow is the engine's own forwarder, a process of the host: while a container starts that is in several networks, it
 * may take a client's connection to the published port to an address that the host has no route for yet. No container speaks
 * there; SECURITY.md tells of it.
 */
function ofPublishing(flow: string, stack: Stack): boolean {
  const [, source, destination, from, to] = /^(\S+) > (\S+) 6 (\d+)>(\d+)$/.exec(flow) ?? [];
  const own = new Set(Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).map((address) => address.address));
  const published = new Set([stack.httpUrl, stack.uiUrl, stack.wsUrl].map((url) => new URL(url).port));
  return (own.has(source ?? '') && published.has(to ?? '')) || (own.has(destination ?? '') && published.has(from ?? ''));
}

/** What the capture saw since the stack started. Runs after everything that is not meant to reach outwards. */
export function silence(stack: () => Stack, stopCapture: () => Promise<Captured>): void {
  suite('a packet capture over the whole run', () => {
    test('shows nothing that leaves the project\'s networks, and would have shown it', async () => {
      await sendStray(stack(), strayDestination);
      const { packets, dropped, leaks } = await stopCapture();
      const strays = Object.keys(leaks).filter((flow) => flow.includes(strayDestination));
      const others = Object.entries(leaks).filter(([flow]) => !flow.includes(strayDestination) && !ofPublishing(flow, stack()));
      assert.ok(strays.length > 0, 'the packet that was sent on purpose was seen');
      assert.ok(packets > 1_000, `${packets} packets were seen`);
      assert.deepEqual(others, []);
      assert.ok(dropped < packets / 100, `${dropped} of ${packets} packets were not looked at`);
    });
  });
}
