import { silentLogger } from '@megabot/observability/logger.ts';
import { testBus } from './bus-compliance.ts';
import { createInProcessHub } from './in-process.ts';

testBus('the bus in one process', async () => {
  const ackWaitMs = 150;
  const maxEvents = 200;
  const hub = createInProcessHub({ ackWaitMs, maxEvents });
  return {
    ackWaitMs,
    maxEvents,
    open: async (service, logger = silentLogger()) => hub.bus(service, { logger }),
    close: () => hub.close(),
  };
});
