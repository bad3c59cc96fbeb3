import { connectNats } from '@megabot/bus/nats.ts';
import { runMain } from '@megabot/config/start.ts';
import { reportAlive } from '@megabot/lifecycle/alive.ts';
import { Lifecycle, terminationSignal } from '@megabot/lifecycle/lifecycle.ts';
import { createLogger } from '@megabot/observability/logger.ts';
import { assertMigrated } from '@megabot/postgres/migrations.ts';
import { openPostgres } from '@megabot/postgres/pg.ts';
import { createMemory } from './app.ts';
import { readConfig } from './config.ts';

await runMain('memory', async () => {
  const config = readConfig(process.env);
  const logger = createLogger('memory', config.logLevel);
  await using lifecycle = new Lifecycle(logger, 8_000);
  const db = openPostgres({ ...config.database, logger });
  lifecycle.own('stores', 'database', async () => await db[Symbol.asyncDispose]());
  await assertMigrated(db, { schema: 'memory', migrations: new URL('../migrations/', import.meta.url) });
  const bus = await connectNats({ service: 'memory', ...config.nats, logger });
  lifecycle.own('stores', 'bus', async () => await bus.close());
  const memory = await createMemory({ erasing: config.erasing }, { bus, db, logger });
  lifecycle.own('work', 'memory', async () => await memory.close());
  await reportAlive(lifecycle, '/tmp/alive', async () => {
    if (!bus.connected) throw new Error('the bus is not connected');
    await db.ping();
  });
  logger.info({ signal: await terminationSignal() }, 'stopping');
});
