import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import { createGateway } from '@megabot/gateway/app.ts';
import { createInterlock } from '@megabot/interlock/app.ts';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import { createMemory } from '@megabot/memory/app.ts';
import { createOrchestrator } from '@megabot/orchestrator/app.ts';
import { migrate } from '@megabot/postgres/migrations.ts';
import { openPglite } from '@megabot/postgres/pglite.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createSandbox } from '@megabot/sandbox/app.ts';
import { createJustBashDriver } from '@megabot/sandbox/driver/just-bash.ts';
import { openWorkspaceStore } from '@megabot/sandbox/workspace/store.ts';
import { createUiServer } from '@megabot/ui/app.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { StandaloneConfig } from './config.ts';
import { openSecrets } from './secrets.ts';

const migrationsOf = (service: 'memory' | 'interlock') => new URL(`../../${service}/migrations/`, import.meta.url);

/** What differs from the stack, in the words that the health page and `make up` show. */
export const standaloneWarnings = [
  'Standalone: commands run in a simulated shell in memory, not in a container.',
  'Standalone: the embedded database does not wait for the disk, so a power cut may lose acknowledged messages.',
];

/**
 * All services in one process, over the in-process bus and the embedded database. The same code as in the stack: tickets,
 * permits and claims are signed and verified here too.
 * @throws DirectoryLockedError where another process has the data.
 */
export async function createStandalone(config: StandaloneConfig, logger: Logger): Promise<{ token: string; encrypted: boolean; close(): Promise<void> }> {
  const lifecycle = new Lifecycle(logger, 8_000);
  const log = (service: string) => logger.child({ service });
  try {
    const db = await openPglite({ directory: join(config.folders.data, 'postgres'), logger: log('postgres') });
    lifecycle.own('stores', 'database', async () => await db[Symbol.asyncDispose]());
    for (const schema of ['memory', 'interlock'] as const) await migrate(db, { schema, migrations: migrationsOf(schema) });
    const secrets = await openSecrets(config);
    await mkdir(config.folders.config, { recursive: true });
    const hub = createInProcessHub();
    lifecycle.own('stores', 'bus', async () => await hub.close());
    const bus = (service: Parameters<typeof hub.bus>[0]) => hub.bus(service, { logger: log(service) });

    const executing = { permitPublicKey: keyPairFromSeed(secrets.permitSeed).publicKey, instance: 'standalone' };
    const interlock = await createInterlock(
      { configDir: config.folders.config, permitSeed: secrets.permitSeed, earlierPublicKeys: secrets.earlierPermitKeys, originPublicKey: keyPairFromSeed(secrets.originSeed).publicKey },
      { bus: bus('interlock'), db, logger: log('interlock') },
    );
    lifecycle.own('work', 'interlock', () => interlock.close());
    const memory = await createMemory({ erasing: executing }, { bus: bus('memory'), db, logger: log('memory') });
    lifecycle.own('work', 'memory', () => memory.close());

    const workspaces = await openWorkspaceStore({ root: join(config.folders.data, 'workspaces') });
    const driver = createJustBashDriver({}, { workspaces, logger: log('sandbox') });
    const sandbox = await createSandbox(
      { ...executing, concurrency: 2 },
      { bus: bus('sandbox'), driver, workspaces, logger: log('sandbox') },
    );
    lifecycle.own('work', 'sandbox', () => sandbox.close());
    const { url, name, apiKey, idleMs } = config.model;
    const orchestrator = await createOrchestrator(
      { model: { url: url ?? null, name: name ?? null, apiKey: apiKey ?? null, idleTimeoutMs: idleMs }, replica: 'standalone', acting: executing },
      { bus: bus('orchestrator'), logger: log('orchestrator') },
    );
    lifecycle.own('work', 'orchestrator', () => orchestrator.close());

    const gateway = await createGateway(
      {
        version: packageJson.version,
        listen: config.bind,
        httpPort: config.ports.http,
        wsPort: config.ports.ws,
        publishedPorts: { ui: config.ports.ui },
        publicOrigins: config.publicOrigins,
        token: secrets.token,
        wsPassword: secrets.wsPassword,
        wsSalt: secrets.wsSalt,
        originSeed: secrets.originSeed,
        deployment: 'standalone',
        openclaw: { url: config.openclaw.url ?? '', authToken: config.openclaw.authToken, stateDir: join(config.folders.data, 'openclaw') },
        sending: executing,
        warnings: standaloneWarnings,
      },
      { bus: bus('gateway'), logger: log('gateway') },
    );
    lifecycle.own('intake', 'gateway', () => gateway.close());
    const ui = await createUiServer({ gatewayUrl: `http://127.0.0.1:${gateway.httpPort}` }, { logger: log('ui') });
    lifecycle.own('intake', 'ui', () => ui.close());
    await ui.listen({ host: config.bind, port: config.ports.ui });
    return { token: secrets.token, encrypted: secrets.wsPassword !== '', close: () => lifecycle.close() };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}
