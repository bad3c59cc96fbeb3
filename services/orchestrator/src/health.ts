import type { z } from 'zod';
import type { ping } from '@megabot/contracts/endpoints/orchestrator.ts';
import { ModelUnusable } from './model-failure.ts';
import type { ModelSource } from './model-source.ts';

/** Less than the endpoint's own time limit, so that a silent model server is an answer and not a timeout. */
const probeMs = 2_500;

/** Whether a model answers. That it does not is a state to show, not a failure of the service. */
export async function checkHealth(models: ModelSource): Promise<z.input<typeof ping.reply>> {
  const model = await models
    .use(async ({ driver, configured, address, name }) => {
      const probe = await driver.probe(AbortSignal.timeout(probeMs)).catch(() => ({ reachable: false, detail: `${address} does not answer.`, model: undefined }));
      return { configured, reachable: probe.reachable, name: probe.model ?? name, address, detail: probe.detail };
    })
    .catch((error: unknown) => {
      if (!(error instanceof ModelUnusable)) throw error;
      return { configured: true, reachable: false, name: null, address: null, detail: error.message };
    });
  return { ok: true, detail: model.reachable ? 'ready' : 'ready, but no model answers', model };
}
