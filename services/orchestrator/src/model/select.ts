import type { DriverDeps } from './model-choice.ts';
import { createOllamaDriver } from './ollama.ts';
import { createOpenaiDriver } from './openai.ts';
import type { ModelDriver } from './port.ts';
import { parseServerAddress } from './server-address.ts';

export interface ModelDriverOptions {
  /** A URL, or a Unix socket as `parseServerAddress` reads it. Ending in `/v1`: an OpenAI-compatible server. Anything else: Ollama. */
  readonly url: string;
  /** Undefined takes the first usable model that the server lists. */
  readonly model?: string | undefined;
  readonly localOnly: boolean;
  readonly allowedHosts: readonly string[];
  readonly apiKey?: string | undefined;
  /** How long the server may say nothing, in milliseconds. A large model on a slow machine thinks long before its first word. */
  readonly idleTimeoutMs: number;
  /** Ollama's context window; 8192 by default. OpenAI-compatible servers fix theirs when they load the model. */
  readonly contextTokens?: number | undefined;
}

const defaultContextTokens = 8192;

/**
 * Chooses and makes the driver of a model server; nothing is connected to yet.
 * @throws {TypeError} where the address cannot be used; the message does not repeat it.
 */
export function createModelDriver(options: ModelDriverOptions, deps: DriverDeps = {}): ModelDriver {
  const address = parseServerAddress(options.url);
  const shared = { ...options, ...address, model: options.model === '' ? undefined : options.model };
  if (address.url.pathname.endsWith('/v1')) return createOpenaiDriver(shared, deps);
  return createOllamaDriver({ ...shared, contextTokens: options.contextTokens ?? defaultContextTokens }, deps);
}
