import { join } from 'node:path';
import { runMain } from '@megabot/config/start.ts';
import { reportAlive } from '@megabot/lifecycle/alive.ts';
import { Lifecycle, terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { readConfig } from './config.ts';
import { links } from './links.ts';
import { openRelay } from './relay.ts';

await runMain('hostlink', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('hostlink', config.logLevel);
  await using lifecycle = new Lifecycle(logger);
  for (const { group, port } of links) {
    const relay = await openRelay({ socket: join(config.directory, group, `${port}.sock`), port }, { logger });
    lifecycle.own('intake', `port ${port}`, async () => await relay.close());
  }
  await reportAlive(lifecycle, '/tmp/alive', async () => await Promise.resolve());
  logger.info({ signal: await terminationSignal() }, 'stopping');
});
