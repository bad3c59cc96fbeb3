import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { generateSecret, keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import { createGateway } from '@megabot/gateway/app.ts';
import { createInterlock } from '@megabot/interlock/app.ts';
import { createMemory } from '@megabot/memory/app.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createOrchestrator } from '@megabot/orchestrator/app.ts';
import { migrate } from '@megabot/postgres/migrations.ts';
import { openPglite } from '@megabot/postgres/pglite.ts';

const token = 'an-owner-token-of-enough-characters';

/** All services but the sandbox, assembled as standalone does, two of them with an end and a new beginning of their own. */
export interface Parts extends AsyncDisposable {
  restartGateway(): Promise<void>;
  restartOrchestrator(): Promise<void>;
  /** A GET over HTTP as the owner. */
  get(path: string): Promise<Record<string, unknown>>;
}

export interface PartsOptions {
  /** The text of `meta-config.yaml`. */
  readonly configuration: string;
  readonly modelUrl: string;
  readonly openclaw: { readonly url: string; readonly authToken: string };
}

export async function startParts({ configuration, modelUrl, openclaw }: PartsOptions): Promise<Parts> {
  const home = await mkdtemp(join(tmpdir(), 'megabot-parts-'));
  const configDir = join(home, 'config');
  await mkdir(configDir);
  await writeFile(join(configDir, 'meta-config.yaml'), configuration);
  const [originSeed, permitSeed] = [generateSecret(), generateSecret()];
  const hub = createInProcessHub();
  const logger = silentLogger();
  const db = await openPglite({ directory: join(home, 'postgres'), logger });
  for (const schema of ['memory', 'interlock'] as const) await migrate(db, { schema, migrations: new URL(`../../../${schema}/migrations/`, import.meta.url) });
  const acting = { permitPublicKey: keyPairFromSeed(permitSeed).publicKey, instance: 'standalone' };
  const interlock = await createInterlock({ configDir, permitSeed, originPublicKey: keyPairFromSeed(originSeed).publicKey }, { bus: hub.bus('interlock', { logger }), db, logger });
  const memory = await createMemory({ erasing: acting }, { bus: hub.bus('memory', { logger }), db, logger });

  const startOrchestrator = async () =>
    await createOrchestrator({ model: { url: modelUrl, name: null, apiKey: null, idleTimeoutMs: 30_000 }, replica: 'standalone', acting }, { bus: hub.bus('orchestrator', { logger }), logger });
  const startGateway = async () =>
    await createGateway(
      {
        version: '0.0.0-test', listen: '127.0.0.1', httpPort: 0, wsPort: 0, publishedPorts: { ui: 1 }, publicOrigins: [], token, wsPassword: 'a password', wsSalt: Buffer.alloc(16, 7).toString('base64url'), originSeed,
        deployment: 'standalone', openclaw: { ...openclaw, stateDir: join(home, 'openclaw') },
      },
      { bus: hub.bus('gateway', { logger }), logger },
    );
  let orchestrator = await startOrchestrator();
  let gateway = await startGateway();

  return {
    async restartGateway() {
      await gateway.close();
      gateway = await startGateway();
    },
    async restartOrchestrator() {
      await orchestrator.close();
      orchestrator = await startOrchestrator();
    },
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${gateway.httpPort}${path}`, { headers: { authorization: `Bearer ${token}` } });
      return (await response.json()) as Record<string, unknown>;
    },
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await orchestrator.close();
      await memory.close();
      await interlock.close();
      await hub.close();
      await db[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true });
    },
  };
}
