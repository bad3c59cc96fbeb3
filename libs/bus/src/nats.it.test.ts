import { silentLogger } from '@megabot/observability/logger.ts';
import { startNats } from '@megabot/testing/nats.ts';
import { testBus } from './bus-compliance.ts';
import { connectNats } from './nats.ts';

testBus('the bus over NATS', async () => {
  const ackWaitMs = 1_000;
  const maxEvents = 200;
  const nats = await startNats({ ackWaitMs, maxEvents });
  return {
    ackWaitMs,
    maxEvents,
    open: async (service, logger = silentLogger()) =>
      await connectNats({ service, servers: nats.url, nkeySeed: nats.seeds[service], logger, connectDeadlineMs: 5_000 }),
    close: () => nats.close(),
  };
});
