import { readFile } from 'node:fs/promises';
import { retry } from '@megabot/lifecycle/backoff.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { migrate } from '@megabot/postgres/migrations.ts';
import { openPostgres } from '@megabot/postgres/pg.ts';
import { provisionRoles } from '@megabot/postgres/roles.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { InitConfig } from './config.ts';

export interface ServiceSchema {
  readonly schema: 'memory' | 'interlock';
  readonly password: string;
}

/** Enough for eight replicas of a service with the pools they open. */
const connectionLimit = 24;

const migrationsOf = (schema: string) => new URL(`../../../services/${schema}/migrations/`, import.meta.url);

/** Roles and schemas of the services that own data, their migrations, and what each may do with its tables. Idempotent. */
export async function provisionDatabase(admin: Database, schemas: readonly ServiceSchema[], logger: Logger): Promise<void> {
  await provisionRoles(admin, {
    roles: schemas.map(({ schema, password }) => ({ login: `megabot_${schema}`, owner: `${schema}_owner`, schema, password, connectionLimit })),
  });
  for (const { schema } of schemas) {
    const result = await migrate(admin, { schema, migrations: migrationsOf(schema), role: `${schema}_owner` });
    await admin.query(await readFile(new URL('grants.sql', migrationsOf(schema)), 'utf8'));
    logger.info({ schema, ...result }, 'database schema is ready');
  }
}

/** As the administrator, whose password only this job holds. Waits for a server that is still starting. */
export async function connectAndProvisionDatabase(config: InitConfig, logger: Logger): Promise<void> {
  await using admin = openPostgres({
    host: config.DATABASE_HOST,
    port: config.DATABASE_PORT,
    user: config.DATABASE_USER,
    password: config.DATABASE_PASSWORD,
    database: config.DATABASE_NAME,
    poolSize: 2,
    applicationName: 'init',
    statementTimeoutMs: 0,
    logger,
  });
  await retry(async () => await admin.ping(), { minMs: 200, maxMs: 2_000, attempts: 20 });
  const schemas = [
    { schema: 'memory', password: config.DATABASE_PASSWORD_MEMORY },
    { schema: 'interlock', password: config.DATABASE_PASSWORD_INTERLOCK },
  ] as const;
  await provisionDatabase(admin, schemas, logger);
}
