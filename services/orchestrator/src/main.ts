import { connectNats } from '@megabot/bus/nats.ts';
import { runMain } from '@megabot/config/start.ts';
import { reportAlive } from '@megabot/lifecycle/alive.ts';
import { Lifecycle, terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { createOrchestrator } from './app.ts';
import { readConfig } from './config.ts';

await runMain('orchestrator', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('orchestrator', config.logLevel);
  await using lifecycle = new Lifecycle(logger, 8_000);
  const bus = await connectNats({ service: 'orchestrator', ...config.nats, logger });
  lifecycle.own('stores', 'bus', async () => await bus.close());
  const orchestrator = await createOrchestrator(config, { bus, logger });
  lifecycle.own('work', 'orchestrator', async () => await orchestrator.close());
  await reportAlive(lifecycle, '/tmp/alive', async () => {
    if (!bus.connected) throw new Error('the bus is not connected');
  });
  logger.info({ signal: await terminationSignal() }, 'stopping');
});
