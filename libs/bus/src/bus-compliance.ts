import { after, before, describe } from 'node:test';
import { testCalls } from './calls-compliance.ts';
import { testEvents } from './events-compliance.ts';
import { testQueues } from './queues-compliance.ts';
import type { BusHarness } from './samples-for-compliance.ts';

/** The one suite that every implementation of the bus passes. `start` is called once. */
export function testBus(name: string, start: () => Promise<BusHarness>): void {
  describe(name, { timeout: 120_000 }, () => {
    let harness: BusHarness | undefined;
    const current = (): BusHarness => {
      if (harness === undefined) throw new Error('the bus did not start');
      return harness;
    };
    before(async () => {
      harness = await start();
    });
    after(async () => {
      await harness?.close();
    });
    testCalls(current);
    testQueues(current);
    testEvents(current);
  });
}
