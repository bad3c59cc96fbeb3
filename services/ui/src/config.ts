import { z } from 'zod';
import { logLevel, parseEnvironment, port, type Environment } from '@megabot/config/environment.ts';

export interface UiConfiguration {
  readonly host: string;
  readonly port: number;
  /** Where the gateway listens, without a trailing slash. */
  readonly gatewayUrl: string;
  readonly logLevel: string;
}

const schema = {
  MEGABOT_UI_LISTEN_PORT: port.default(5173),
  MEGABOT_LISTEN: z.string().min(1).default('127.0.0.1'),
  GATEWAY_URL: z
    .string()
    .default('http://127.0.0.1:8000')
    .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL')
    .transform((value) => new URL(value).origin),
  LOG_LEVEL: logLevel.default('info'),
} as const;

/** Reads the UI service's settings. @throws ConfigurationError naming every bad variable, never its value. */
export function readConfiguration(environment: Environment): UiConfiguration {
  const values = parseEnvironment(schema, environment);
  return { host: values.MEGABOT_LISTEN, port: values.MEGABOT_UI_LISTEN_PORT, gatewayUrl: values.GATEWAY_URL, logLevel: values.LOG_LEVEL };
}
