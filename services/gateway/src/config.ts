import { hostname } from 'node:os';
import { logLevel, origins, parseEnvironment, port, type Environment } from '@megabot/config/environment.ts';
import { busVariables, permitVariables } from '@megabot/config/service-environment.ts';
import { decodeBase64url } from '@megabot/crypto/base64url.ts';
import { z } from 'zod';
import packageJson from '../package.json' with { type: 'json' };
import type { GatewayOptions } from './options.ts';

const secretBytes = (length: number, what: string) =>
  z.string().refine((text) => decodeBase64url(text, length) !== undefined, `must be ${length} bytes in unpadded base64url (${what})`);

// Compose hands an unset variable on as an empty one.
const optionalPort = z.literal('').transform(() => undefined).or(port).optional();

const Token = z.string().min(22).max(512);

const shape = {
  ...busVariables,
  ...permitVariables,
  MEGABOT_AUTH_TOKEN: Token,
  MEGABOT_WS_PASSWORD: z.string().max(1_024),
  WS_SALT: secretBytes(16, 'the salt of the key derivation'),
  ORIGIN_SEED: secretBytes(32, 'the seed of the origin-signing key'),
  MEGABOT_HTTP_PORT: optionalPort,
  MEGABOT_PORT: optionalPort,
  MEGABOT_WS_PORT: optionalPort,
  MEGABOT_UI_PORT: optionalPort,
  MEGABOT_PUBLISHED_HTTP_PORT: optionalPort,
  MEGABOT_PUBLISHED_WS_PORT: optionalPort,
  MEGABOT_LISTEN: z.string().default('0.0.0.0').transform((text) => text || '0.0.0.0'),
  MEGABOT_PUBLIC_ORIGINS: origins,
  OPENCLAW_URL: z.string().max(2_048).default(''),
  OPENCLAW_AUTH_TOKEN: z.string().max(1_024).optional(),
  OPENCLAW_STATE_DIR: z.string().startsWith('/').default('/state/openclaw'),
  LOG_LEVEL: z.literal('').transform(() => 'info' as const).or(logLevel).default('info'),
};

export interface GatewayConfig {
  readonly nats: { readonly servers: string; readonly nkeySeed: string; readonly connectDeadlineMs: number };
  readonly logLevel: z.infer<typeof logLevel>;
  readonly options: GatewayOptions;
}

/** The gateway's settings. @throws ConfigurationError naming what is wrong, never a value. */
export function readConfig(environment: Environment): GatewayConfig {
  const env = parseEnvironment(shape, environment);
  return {
    nats: { servers: env.NATS_URL, nkeySeed: env.NATS_SEED, connectDeadlineMs: 30_000 },
    logLevel: env.LOG_LEVEL,
    options: {
      version: packageJson.version,
      listen: env.MEGABOT_LISTEN,
      httpPort: env.MEGABOT_HTTP_PORT ?? env.MEGABOT_PORT ?? 8_000,
      wsPort: env.MEGABOT_WS_PORT ?? 18_790,
      publishedPorts: {
        ui: env.MEGABOT_UI_PORT ?? 5_173,
        ...(env.MEGABOT_PUBLISHED_HTTP_PORT === undefined ? {} : { http: env.MEGABOT_PUBLISHED_HTTP_PORT }),
        ...(env.MEGABOT_PUBLISHED_WS_PORT === undefined ? {} : { ws: env.MEGABOT_PUBLISHED_WS_PORT }),
      },
      publicOrigins: env.MEGABOT_PUBLIC_ORIGINS,
      token: env.MEGABOT_AUTH_TOKEN,
      wsPassword: env.MEGABOT_WS_PASSWORD,
      wsSalt: env.WS_SALT,
      originSeed: env.ORIGIN_SEED,
      deployment: 'stack',
      openclaw: { url: env.OPENCLAW_URL, authToken: env.OPENCLAW_AUTH_TOKEN || undefined, stateDir: env.OPENCLAW_STATE_DIR },
      sending: { permitPublicKey: env.PERMIT_PUBLIC_KEY, instance: hostname() },
    },
  };
}

/** What printing a sign-in link needs, from the same variables. @throws ConfigurationError. */
export function readSignInConfig(environment: Environment = process.env): { token: string; uiPort: number } {
  const env = parseEnvironment({ MEGABOT_AUTH_TOKEN: Token, MEGABOT_UI_PORT: optionalPort }, environment);
  return { token: env.MEGABOT_AUTH_TOKEN, uiPort: env.MEGABOT_UI_PORT ?? 5_173 };
}
