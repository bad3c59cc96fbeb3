import { connectNats } from '@megabot/bus/nats.ts';
import { runMain } from '@megabot/config/start.ts';
import { reportAlive } from '@megabot/lifecycle/alive.ts';
import { Lifecycle, terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { assertMigrated } from '@megabot/postgres/migrations.ts';
import { openPostgres } from '@megabot/postgres/pg.ts';
import { createInterlock } from './app.ts';
import { readConfig } from './config.ts';

await runMain('interlock', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('interlock', config.logLevel);
  await using lifecycle = new Lifecycle(logger, 8_000);
  const db = openPostgres({ ...config.database, logger });
  lifecycle.own('stores', 'database', async () => await db[Symbol.asyncDispose]());
  await assertMigrated(db, { schema: 'interlock', migrations: new URL('../migrations/', import.meta.url) });
  const bus = await connectNats({ service: 'interlock', ...config.nats, logger, connectDeadlineMs: 20_000 });
  lifecycle.own('stores', 'bus', async () => await bus.close());
  const interlock = await createInterlock(config.interlock, { bus, db, logger });
  lifecycle.own('work', 'interlock', async () => await interlock.close());
  await reportAlive(lifecycle, '/tmp/alive', async () => {
    if (!bus.connected) throw new Error('the bus is not connected');
  });
  logger.info({ signal: await terminationSignal() }, 'stopping');
});
