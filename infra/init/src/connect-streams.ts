import { openConnection } from '@megabot/bus/nats-connection.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { InitConfig } from './config.ts';
import { provisionStreams } from './provision-streams.ts';

/** Makes the streams and consumers of the tables, as the only user that may. Waits for a server that is still starting. */
export async function connectAndProvisionStreams(config: InitConfig, logger: Logger): Promise<void> {
  const connection = await openConnection({ user: 'init', servers: config.NATS_URL, nkeySeed: config.NATS_SEED, logger, connectDeadlineMs: 30_000 });
  try {
    await provisionStreams(connection);
    logger.info({}, 'streams and consumers are ready');
  } finally {
    await connection.close();
  }
}
