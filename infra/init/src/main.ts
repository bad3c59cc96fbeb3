import { runMain } from '@megabot/config/start.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { readConfig } from './config.ts';
import { connectAndProvisionDatabase } from './provision-database.ts';
import { connectAndProvisionStreams } from './connect-streams.ts';

await runMain('init', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('init', config.LOG_LEVEL);
  await Promise.all([connectAndProvisionDatabase(config, logger), connectAndProvisionStreams(config, logger)]);
});
