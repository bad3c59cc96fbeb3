import { z } from 'zod';
import { ModelError } from './port.ts';

/**
 * Ollama can serve a model that really runs on ollama.com: the address is loopback and the conversation still leaves.
 * Such models carry a tag that ends in `cloud`, and whatever they are renamed to, `/api/show`, `/api/tags` and each
 * piece of an answer name the remote host.
 */
export const RemoteMarks = z.looseObject({ remote_host: z.string().nullish(), remote_model: z.string().nullish() });
export type RemoteMarks = z.infer<typeof RemoteMarks>;

export function isRemote(marks: RemoteMarks): boolean {
  return Boolean(marks.remote_host) || Boolean(marks.remote_model);
}

/** By the tag alone, the part after the colon: `cloud`, or anything that ends in `-cloud`. */
export function isCloudName(model: string): boolean {
  const tag = /:([^:/]*)$/.exec(model)?.[1]?.toLowerCase() ?? '';
  return tag === 'cloud' || tag.endsWith('-cloud');
}

export function cloudRefusal(model: string): ModelError {
  return new ModelError('refused_address', `local_only is on, and the model ${model} runs in Ollama's cloud, not on your machine.`, {
    hint: 'Choose a model that runs locally, for instance one that `ollama list` shows with a size.',
  });
}
