import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { logLevel, parseEnvironment, port, wholeNumber, type Environment } from '@megabot/config/environment.ts';
import { RunNetworkName } from '@megabot/contracts/egress.ts';
import { isAddressRange } from './address-rule.ts';
import { defaultGrantLimits } from './app.ts';

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '');

const slots = z
  .string()
  .transform((text) => words(text).map((entry) => ({ network: entry.split('=')[0] ?? '', address: entry.split('=')[1] ?? '' })))
  .refine((entries) => entries.length > 0 && entries.every(({ network, address }) => RunNetworkName.safeParse(network).success && isIPv4(address)), 'must be networks and addresses such as run-0=10.231.78.2, separated by commas');

const ranges = z
  .string()
  .default('')
  .transform(words)
  .refine((entries) => entries.every(isAddressRange), 'must be address ranges such as 198.51.100.7/32, separated by commas');

/** The environment of the egress proxy, parsed. */
export function readConfig(environment: Environment) {
  const values = parseEnvironment(
    {
      EGRESS_CONTROL: z.string().min(1).default('/run/egress/control.sock'),
      EGRESS_SLOTS: slots,
      EGRESS_PORT: port.default(3128),
      EGRESS_DENY: ranges,
      EGRESS_MAX_MB: wholeNumber(1, 1_000_000).default(defaultGrantLimits.bytes / 2 ** 20),
      LOG_LEVEL: logLevel.default('info'),
    },
    environment,
  );
  return {
    controlPath: values.EGRESS_CONTROL,
    slots: values.EGRESS_SLOTS,
    port: values.EGRESS_PORT,
    denied: values.EGRESS_DENY,
    grantLimits: { ...defaultGrantLimits, bytes: values.EGRESS_MAX_MB * 2 ** 20 },
    logLevel: values.LOG_LEVEL,
  };
}
