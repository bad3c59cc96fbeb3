import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import * as orchestrator from '@megabot/contracts/endpoints/orchestrator.ts';
import * as sandbox from '@megabot/contracts/endpoints/sandbox.ts';
import { z } from 'zod';
import { bridgeWarnings } from './bridge-warnings.ts';
import type { OpenClawStatus } from './channels/openclaw/status.ts';
import { publicFailure } from './error-table.ts';
import type { GatewayOptions } from './options.ts';

const ServiceHealth = z.looseObject({ ok: z.boolean(), detail: z.string() });

export const HealthReport = z.object({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  deployment: z.enum(['stack', 'standalone']),
  encryption: z.object({ required: z.boolean() }),
  lockdown: z.boolean().nullable(),
  services: z.record(z.string(), ServiceHealth),
  /** Bridges to messengers: their state, what is wrong and how to mend it. Absent while the bridge is off or run by another process. */
  bridges: z.object({ openclaw: z.looseObject({ state: z.string() }).optional() }),
  /** Sentences for people: what is off, unsafe or missing. */
  warnings: z.array(z.string()),
});
export type HealthReport = z.infer<typeof HealthReport>;

export interface Health {
  /** Asked at most every few seconds, however often it is read. */
  report(): Promise<HealthReport>;
}

const cacheMs = 3_000;

/** Whether each service answers, in one report. A model that cannot be reached is a warning, not an illness. */
export function createHealth(options: GatewayOptions, deps: { bus: Bus; clock: () => number; bridge?: () => OpenClawStatus | undefined }): Health {
  const { bus, clock } = deps;
  let cached: { at: number; report: Promise<HealthReport> } | undefined;

  const ask = async (work: Promise<z.infer<typeof ServiceHealth>>): Promise<z.infer<typeof ServiceHealth>> =>
    await work.catch((error: unknown) => {
      const { code, message } = publicFailure(error);
      return { ok: false, detail: `${code}: ${message}` };
    });

  const make = async (): Promise<HealthReport> => {
    const [memoryHealth, interlockHealth, orchestratorHealth, sandboxHealth, policy] = await Promise.all([
      ask(bus.call(memory.ping, {})),
      ask(bus.call(interlock.ping, {})),
      ask(bus.call(orchestrator.ping, {})),
      ask(bus.call(sandbox.ping, {})),
      bus.call(interlock.policyGet, {}, { timeoutMs: 2_000 }).catch(() => null),
    ]);
    const services = {
      gateway: { ok: bus.connected, detail: bus.connected ? 'ready' : 'the message bus is not connected' },
      memory: memoryHealth, interlock: interlockHealth, orchestrator: orchestratorHealth, sandbox: sandboxHealth,
    };
    const bridge = deps.bridge?.();
    const model = z.object({ model: z.object({ reachable: z.boolean(), detail: z.string() }) }).safeParse(orchestratorHealth);
    const simulated = z.object({ simulated: z.literal(true), driver: z.string() }).safeParse(sandboxHealth);
    return {
      status: Object.values(services).every((service) => service.ok) ? 'ok' : 'degraded',
      version: options.version,
      deployment: options.deployment,
      encryption: { required: options.wsPassword !== '' },
      lockdown: policy?.lockdown ?? null,
      services,
      bridges: bridge ? { openclaw: { ...bridge } } : {},
      warnings: [
        ...bridgeWarnings(bridge),
        ...(options.wsPassword === '' ? [encryptionOffWarning] : []),
        ...(options.warnings ?? []),
        ...(policy?.warnings ?? []),
        ...(model.success && !model.data.model.reachable ? [`Model: ${model.data.model.detail}`] : []),
        ...(simulated.success && options.deployment === 'stack' ? [`Commands run in ${simulated.data.driver}, not in a container.`] : []),
      ],
    };
  };

  return {
    async report() {
      const now = clock();
      if (!cached || now - cached.at >= cacheMs) cached = { at: now, report: make() };
      return await cached.report;
    },
  };
}

export const encryptionOffWarning = 'Encryption of the native WebSocket is off: MEGABOT_WS_PASSWORD is empty.';
