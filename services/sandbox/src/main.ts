import { connectNats } from '@megabot/bus/nats.ts';
import { runMain } from '@megabot/config/start.ts';
import { reportAlive } from '@megabot/lifecycle/alive.ts';
import { Lifecycle, terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { createSandbox } from './app.ts';
import { readConfig } from './config.ts';
import { createDockerDriver } from './driver/docker.ts';
import { createJustBashDriver } from './driver/just-bash.ts';
import { createEgressClient } from './network/egress-client.ts';
import { noNetwork } from './network/none.ts';
import { openWorkspaceStore } from './workspace/store.ts';

await runMain('sandbox', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('sandbox', config.logLevel);
  await using lifecycle = new Lifecycle(logger, 8_000);
  const bus = await connectNats({ service: 'sandbox', ...config.nats, connectDeadlineMs: 30_000, logger });
  lifecycle.own('stores', 'bus', () => bus.close());
  const workspaces = await openWorkspaceStore({ root: config.workspaces });
  const driver =
    config.driver === 'docker'
      ? createDockerDriver(config, { workspaces, logger })
      : createJustBashDriver({ instance: config.instance, allowedImages: config.allowedImages }, { workspaces, logger });
  const network = config.driver === 'docker' && config.egressSocket !== '' ? createEgressClient({ controlPath: config.egressSocket, project: config.project }) : noNetwork;
  const sandbox = await createSandbox({ ...config }, { bus, driver, workspaces, network, logger });
  lifecycle.own('work', 'sandbox', () => sandbox.close());
  await reportAlive(lifecycle, '/tmp/alive', async () => {
    if (!bus.connected) throw new Error('the bus is not connected');
  });
  logger.info({ driver: driver.name, instance: config.instance }, 'sandbox ready');
  logger.info({ signal: await terminationSignal() }, 'stopping');
});
