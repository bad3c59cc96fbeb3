import { runMain } from '@megabot/config/start.ts';
import { reportAlive } from '@megabot/lifecycle/alive.ts';
import { Lifecycle, terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { startEgress } from './app.ts';
import { readConfig } from './config.ts';

await runMain('egress', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('egress', config.logLevel);
  await using lifecycle = new Lifecycle(logger);
  const egress = await startEgress(config, { logger });
  lifecycle.own('intake', 'egress', () => egress.close());
  await reportAlive(lifecycle, '/tmp/alive', async () => undefined);
  logger.info({ networks: config.slots.map((slot) => slot.network) }, 'egress ready');
  logger.info({ signal: await terminationSignal() }, 'stopping');
});
