import { connectNats } from '@megabot/bus/nats.ts';
import { runMain } from '@megabot/config/start.ts';
import { reportAlive } from '@megabot/lifecycle/alive.ts';
import { Lifecycle, terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { createGateway } from './app.ts';
import { readConfig } from './config.ts';

await runMain('gateway', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('gateway', config.logLevel);
  await using lifecycle = new Lifecycle(logger, 8_000);
  const bus = await connectNats({ service: 'gateway', ...config.nats, logger });
  lifecycle.own('stores', 'bus', () => bus.close());
  const gateway = await createGateway(config.options, { bus, logger });
  lifecycle.own('intake', 'gateway', () => gateway.close());
  await reportAlive(lifecycle, '/tmp/alive', async () => {
    if (!bus.connected) throw new Error('the bus is not connected');
  });
  logger.info({ signal: await terminationSignal() }, 'stopping');
});
