import type { BoxMaker } from './box.ts';
import { labels } from './container-spec.ts';
import { within } from './deadline.ts';
import type { Engine } from './engine.ts';
import type { ReapedRun } from './port.ts';
import type { ReplicaState } from './replica-state.ts';

/**
 * Removes the containers of this project that nobody alive uses, and hands out the runs that were in them, each once. Those of
 * this replica are nobody's unless this process made them; those of another when it lapsed, or was never seen and its lease passed.
 */
export function createReaper(options: { project: string; instance: string; stepMs: number }, deps: { engine: Engine; boxes: BoxMaker; state: ReplicaState }): () => Promise<readonly ReapedRun[]> {
  const { engine, boxes, state } = deps;
  return async () => {
    const lapsed = new Set(state.lapsed());
    const gone = new Set(lapsed);
    const abandoned = (instance: string, leaseUntil: number): boolean => lapsed.has(instance) || (!state.knows(instance) && leaseUntil < Date.now());
    for (const container of await within(engine.list({ [labels.project]: options.project }), 'list the containers', options.stepMs)) {
      const { [labels.instance]: instance, [labels.box]: boxId, [labels.leaseUntil]: leaseUntil } = container.labels;
      if (instance === undefined) continue;
      const own = instance === options.instance;
      if (own ? boxes.isOurs(boxId ?? '') : !abandoned(instance, Number(leaseUntil))) continue;
      if (!own) gone.add(instance);
      await within(engine.remove(container.id), 'remove the container', options.stepMs);
    }
    const reaped: ReapedRun[] = [];
    for (const { runId, permitId } of await state.takeRuns(options.instance, boxes.isOurs)) {
      reaped.push({ runId, permitId, instance: options.instance, reason: 'own_leftover' });
    }
    for (const instance of gone) {
      for (const { runId, permitId } of await state.takeRuns(instance, () => false)) reaped.push({ runId, permitId, instance, reason: 'lease_expired' });
      await state.bury(instance);
    }
    return reaped;
  };
}
