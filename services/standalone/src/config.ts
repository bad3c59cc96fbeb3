import { join } from 'node:path';
import { z } from 'zod';
import { logLevel, origins, parseEnvironment, port, wholeNumber, type Environment } from '@megabot/config/environment.ts';

const given = z.string().transform((text) => (text === '' ? undefined : text)).optional();

/** The environment of standalone, parsed. Secrets that are not given are made in `<home>/secrets`. @throws ConfigurationError */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      MEGABOT_HOME: z.string().min(1).default(process.cwd()),
      MEGABOT_BIND: z.string().min(1).default('127.0.0.1'),
      MEGABOT_PORT: port.default(8_000),
      MEGABOT_UI_PORT: port.default(5_173),
      MEGABOT_WS_PORT: port.default(18_790),
      MEGABOT_AUTH_TOKEN: z.string().min(22).max(512).optional(),
      MEGABOT_WS_PASSWORD: z.string().max(1_024).optional(),
      MEGABOT_PUBLIC_ORIGINS: origins,
      MEGABOT_MODEL_URL: given,
      MEGABOT_MODEL: given,
      MEGABOT_MODEL_API_KEY: given,
      MEGABOT_MODEL_IDLE_SECONDS: wholeNumber(1, 3_600).default(60),
      OPENCLAW_URL: given,
      OPENCLAW_AUTH_TOKEN: given,
      LOG_LEVEL: logLevel.default('warn'),
    },
    environment,
  );
  const home = values.MEGABOT_HOME;
  return {
    bind: values.MEGABOT_BIND,
    ports: { http: values.MEGABOT_PORT, ui: values.MEGABOT_UI_PORT, ws: values.MEGABOT_WS_PORT },
    folders: { data: join(home, 'data'), config: join(home, 'config'), secrets: join(home, 'secrets') },
    token: values.MEGABOT_AUTH_TOKEN,
    wsPassword: values.MEGABOT_WS_PASSWORD,
    publicOrigins: values.MEGABOT_PUBLIC_ORIGINS,
    model: { url: values.MEGABOT_MODEL_URL, name: values.MEGABOT_MODEL, apiKey: values.MEGABOT_MODEL_API_KEY, idleMs: values.MEGABOT_MODEL_IDLE_SECONDS * 1_000 },
    openclaw: { url: values.OPENCLAW_URL, authToken: values.OPENCLAW_AUTH_TOKEN },
    logLevel: values.LOG_LEVEL,
  };
}
export type StandaloneConfig = ReturnType<typeof readConfig>;
