import type { Bus } from '@megabot/bus/port.ts';
import type { ActionOf } from '@megabot/contracts/action.ts';
import { createExecutor, type Executor } from '@megabot/execution/executor.ts';
import { plainReport } from '@megabot/execution/report.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { webRequest, type WebDeps } from './web-request.ts';

export interface ActingOptions {
  /** The interlock's key for permits and grants, pinned. */
  readonly permitPublicKey: string;
  /** Names this replica. */
  readonly instance: string;
}

interface Deps {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly clock: () => number;
  readonly web: WebDeps;
}

const concurrency = 4;

/** Executes what reaches beyond the sandbox on the assistant's behalf, each with a permit: web requests, and calls of MCP tools. */
export async function startActing(options: ActingOptions, { bus, logger, clock, web }: Deps): Promise<Executor> {
  return await createExecutor(
    { ...options, service: 'orchestrator', kinds: ['web_request', 'mcp_call'], concurrency },
    {
      bus,
      logger,
      clock,
      prepare: async () => ({}),
      run: async ({ plan }, { signal }) => {
        const startedAt = clock();
        const outcome = plan.kind === 'web_request' ? await webRequest(plan, signal, web) : noServer(plan.action);
        return plainReport({ driver: 'orchestrator', startedAt, endedAt: clock(), ...outcome });
      },
    },
  );
}

/** No setting names an MCP server yet, so there is none that could be called. */
const noServer = ({ server }: ActionOf<'mcp_call'>) => ({ status: 'refused' as const, detail: `No MCP server named ${server} is configured.` });
