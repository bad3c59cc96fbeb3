import { hostname } from 'node:os';
import { z } from 'zod';
import { port } from './environment.ts';

/** What every service on the bus is given: where NATS listens, and the seed of the service's own user. */
export const busVariables = {
  NATS_URL: z.string().min(1),
  NATS_SEED: z.string().min(1),
};

/** The key that permits are verified with, for every service that executes what they permit. */
export const permitVariables = {
  PERMIT_PUBLIC_KEY: z.string().min(40),
};

/** Where a service finds its schema, and as whom it signs in: a role of its own by default. */
export const databaseVariables = (service: string) => ({
  DATABASE_HOST: z.string().min(1),
  DATABASE_PORT: port.default(5432),
  DATABASE_USER: z.string().min(1).default(`megabot_${service}`),
  DATABASE_NAME: z.string().min(1).default('megabot'),
  DATABASE_PASSWORD: z.string().min(1),
});

/** The parsed variables as the options of a pool: at most 8 connections a replica, and no statement over 10 s. */
export function databaseOptions(service: string, values: z.infer<z.ZodObject<ReturnType<typeof databaseVariables>>>) {
  return {
    host: values.DATABASE_HOST,
    port: values.DATABASE_PORT,
    user: values.DATABASE_USER,
    database: values.DATABASE_NAME,
    password: values.DATABASE_PASSWORD,
    poolSize: 8,
    statementTimeoutMs: 10_000,
    applicationName: `${service}@${hostname()}`,
  };
}
