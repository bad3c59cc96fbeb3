import { runMain } from '@megabot/config/start.ts';
import { reportAlive } from '@megabot/lifecycle/alive.ts';
import { Lifecycle, terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { createUiServer } from './app.ts';
import { readConfiguration } from './config.ts';

await runMain('ui', async () => {
  const configuration = readConfiguration(process.env);
  const logger = createLogger('ui', configuration.logLevel);
  await using lifecycle = new Lifecycle(logger);
  const server = await createUiServer({ gatewayUrl: configuration.gatewayUrl }, { logger });
  lifecycle.own('intake', 'http', () => server.close());
  await server.listen({ host: configuration.host, port: configuration.port });
  logger.info({ port: configuration.port, gateway: configuration.gatewayUrl }, 'the UI is being served');
  await reportAlive(lifecycle, '/tmp/alive', async () => undefined);
  logger.info({ signal: await terminationSignal() }, 'shutting down');
});
