import { accessSync, constants } from 'node:fs';
import type { Bus } from '@megabot/bus/port.ts';
import { ConfigurationError } from '@megabot/config/environment.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import { keyPairFromSeed } from '@megabot/crypto/ed25519.ts';
import { Lifecycle } from '@megabot/lifecycle/lifecycle.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { createAuditWriter } from './audit.ts';
import { recordKeyChange } from './audit/key-change.ts';
import { createBindings } from './bindings.ts';
import { adoptFile } from './configuration/adopt.ts';
import { openConfigurationFile, type ConfigurationFile } from './configuration/file.ts';
import { readInForce, readStateRow, warningsOf } from './configuration/state.ts';
import { watchConfiguration } from './configuration/watch.ts';
import { defaultLimits, type Context, type Limits } from './context.ts';
import { createInterlockEvents } from './events.ts';
import { forgetWrongCodes } from './one-time-codes.ts';
import { createSecretBox } from './secret-box.ts';
import { startChangingSettings } from './settings-run.ts';
import { forgetGrants, sweep, type Swept } from './sweeper.ts';
import { createStore } from './transaction.ts';

/** A quiet log is signed all the same, after this time. */
const signAuditAfterMs = 3_600_000;

export interface InterlockOptions {
  /** The folder that holds `meta-config.yaml`; writable. */
  readonly configDir: string;
  /** Seed of the Ed25519 key that signs permits and grants, base64url. */
  readonly permitSeed: string;
  /** Public halves of the keys before it, base64url: what they signed of the audit log still counts. */
  readonly earlierPublicKeys?: readonly string[];
  /** The gateway's public key for origin tickets, base64url. */
  readonly originPublicKey: string;
  readonly limits?: Partial<Limits>;
  /** Milliseconds between sweeps, 1,000 by default; 0 leaves sweeping to the caller. */
  readonly sweepEveryMs?: number;
}

export interface InterlockDeps {
  readonly bus: Bus;
  /** Migrated; see `migrations/`. */
  readonly db: Database;
  readonly logger: Logger;
  /** Milliseconds since 1970; the system's clock by default. */
  readonly clock?: () => number;
}

export interface Interlock {
  /** Stops intake, publishes what is committed, leaves bus and database open: they are the caller's. */
  close(): Promise<void>;
  /** Does at once what time demands, as happens by itself each second. */
  sweep(): Promise<Swept>;
  /** Reads `meta-config.yaml` at once, as happens by itself soon after a change. */
  reload(): Promise<void>;
}

/**
 * Starts the interlock; resolves once the configuration is read and it serves.
 * @throws ConfigurationError if the folder or the file cannot be read at all; what the file says never keeps it from starting
 */
export async function createInterlock(options: InterlockOptions, deps: InterlockDeps): Promise<Interlock> {
  const { bus, db, logger } = deps;
  const clock = deps.clock ?? Date.now;
  const lifecycle = new Lifecycle(logger);
  const events = createInterlockEvents(logger);
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const key = keyPairFromSeed(options.permitSeed);
  const audit = createAuditWriter({ ...key, signEvery: limits.auditSignEvery, logger });
  const store = createStore({ db, bus, logger, clock, audit });
  lifecycle.own('work', 'outbox and permits', () => store.close());
  const signAudit = async (olderThan?: number): Promise<void> => {
    const head = await db.transaction(async (sql) => await audit.sign(sql, clock(), olderThan));
    if (head) audit.announce(head);
  };
  await recordKeyChange({ audit, db, clock, publicKey: key.publicKey }).catch((error: unknown) => {
    // A log that somebody has changed is not continued. Nothing is decided then, but what is wrong can be read and verified.
    if (!isServiceError(error, 'unavailable')) throw error;
    logger.error({ err: error }, 'the change of the permit key could not be recorded');
  });
  lifecycle.own('work', 'signing the audit log', () => signAudit());
  const file = openConfigurationFile(options.configDir);
  requireAccess(options.configDir, file);
  const context: Context = {
    bus, store, transact: store.transact, events, file, audit, limits, clock, logger,
    permitKey: key.privateKey,
    permitPublicKey: key.publicKey,
    earlierPublicKeys: options.earlierPublicKeys ?? [],
    originPublicKey: options.originPublicKey,
    codeSecrets: createSecretBox(options.permitSeed, 'megabot-one-time-codes-v1'),
  };

  await adoptFile(store.transact, file, events, true);
  const warnings = warningsOf(await readInForce(db, ''));
  if (warnings.length > 0) logger.warn({ warnings }, 'the policy in force at the start, and what to know of it');
  const reload = async (): Promise<void> => {
    // Looking costs one small read; only a change takes the locks.
    if (file.read().hash !== (await readStateRow(db, '')).content_hash) await adoptFile(store.transact, file, events);
  };

  // Executors that were alive all along could not say so while nobody listened: leases count from a lease after that.
  let leasesCountFrom = clock() + limits.leaseMs;
  const sweepNow = async (): Promise<Swept> => {
    try {
      return await sweep(context, clock() >= leasesCountFrom);
    } catch (error) {
      leasesCountFrom = clock() + limits.leaseMs;
      throw error;
    }
  };

  const server = await bus.serve(createBindings(context));
  lifecycle.own('intake', 'endpoints', () => server.stop());
  const settings = await startChangingSettings(context, bus);
  lifecycle.own('intake', 'changes of settings', async () => await settings.close());
  watchConfiguration(options.configDir, lifecycle, logger, reload);
  const everyMs = options.sweepEveryMs ?? 1_000;
  if (everyMs > 0) {
    await sweepNow();
    let sweptAt = clock();
    lifecycle.every(everyMs, 'sweeper', async () => {
      // A machine that slept, or a process that was stopped: executors may live on whose word could not be heard.
      const stoodStill = clock() - sweptAt > everyMs + limits.leaseMs / 2;
      if (stoodStill) leasesCountFrom = clock() + limits.leaseMs;
      sweptAt = clock();
      await sweepNow();
    });
  }
  await store.drain();
  lifecycle.every(60_000, 'housekeeping', async () => {
    await store.drain();
    await forgetGrants(context);
    await forgetWrongCodes(context);
    await signAudit(signAuditAfterMs);
  });
  logger.info({}, 'the interlock judges');
  return { close: () => lifecycle.close(), sweep: sweepNow, reload };
}

/** What a person has to mend before a start makes sense: the interlock reads and replaces files in this folder. */
function requireAccess(folder: string, file: ConfigurationFile): void {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ConfigurationError([`MEGABOT_CONFIG_DIR: the folder cannot be read and written (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'})`]);
  }
  const reading = file.read();
  if (!reading.found && !reading.missing) throw new ConfigurationError([`MEGABOT_CONFIG_DIR: ${reading.problem}`]);
}
