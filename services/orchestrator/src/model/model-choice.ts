import type { Resolve } from './local-address.ts';
import { ModelError } from './port.ts';

export interface DriverDeps {
  readonly resolve?: Resolve;
  /** Milliseconds; only differences matter. */
  readonly clock?: () => number;
}

export interface ModelChoice {
  /** The model of the settings; undefined takes the first usable one of the server. */
  readonly wanted: string | undefined;
  readonly server: string;
  /** Names that may be used, in the server's order. */
  list(signal: AbortSignal): Promise<readonly string[]>;
  /** @throws {ModelError} `refused_address` where the model runs on another machine and may not. */
  check(model: string, signal: AbortSignal): Promise<void>;
}

/** A name may come to mean another model while we run, so what was found out is asked again. */
const validMs = 60_000;

/** Decides which model to use, before each chat, and remembers for a minute. */
export function createModelChooser(
  choice: ModelChoice,
  clock: () => number = () => performance.now(),
): (signal: AbortSignal) => Promise<string> {
  let chosen: { readonly model: string; readonly until: number } | undefined;
  return async (signal) => {
    if (chosen && chosen.until > clock()) return chosen.model;
    const model = choice.wanted ?? (await choice.list(signal))[0];
    if (model === undefined) {
      throw new ModelError('model_missing', `${choice.server} has no model to use.`, {
        hint: 'Load or pull a model there, for instance `ollama pull qwen3`.',
      });
    }
    await choice.check(model, signal);
    chosen = { model, until: clock() + validMs };
    return model;
  };
}
