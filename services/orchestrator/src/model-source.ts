import type { Bus } from '@megabot/bus/port.ts';
import { configGet } from '@megabot/contracts/endpoints/interlock.ts';
import type { ModelSettings } from '@megabot/contracts/settings.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { ModelUnusable } from './model-failure.ts';
import type { ModelDriver } from './model/port.ts';
import { createModelDriver, type ModelDriverOptions } from './model/select.ts';

export interface ModelSourceOptions {
  /** From the environment, before what `meta-config.yaml` says. */
  readonly url: string | null;
  readonly name: string | null;
  readonly apiKey: string | null;
  /** Tried where neither names an address, so that a model server on this machine is found without settings. */
  readonly defaultUrl: string;
  readonly idleTimeoutMs: number;
}

export interface ModelInUse {
  readonly driver: ModelDriver;
  readonly contextTokens: number;
  /** Somebody named an address; otherwise it is the default one. */
  readonly configured: boolean;
  /** Without user name and password. */
  readonly address: string;
  readonly name: string | null;
  /** Whether nothing may leave this machine and its network. */
  readonly localOnly: boolean;
  /** The messengers that the owner has turned on. */
  readonly messengers: readonly string[];
}

export interface ModelSource {
  /**
   * Lends the model of the current settings. The driver stays open until `work` has ended, also if the settings change.
   * @throws ModelUnusable if the settings do not lead to a driver.
   */
  use<T>(work: (model: ModelInUse) => Promise<T>): Promise<T>;
  /** Whether nothing may leave this machine and its network; also while the interlock does not say. */
  localOnly(): Promise<boolean>;
  /** The settings may have changed. */
  invalidate(): void;
  close(): Promise<void>;
}

type Settings = ModelSettings & { readonly messengers: readonly string[] };

interface Lent {
  readonly model: Omit<ModelInUse, 'messengers'>;
  readonly key: string;
  users: number;
}

/** Should the event of a change be missed, the settings are read again after this long. */
const freshMs = 60_000;
/** Until the interlock has spoken, nothing but private addresses is allowed. */
const strict: Settings = { localOnly: true, url: null, name: null, allowedHosts: [], contextTokens: 8_192, messengers: [] };

export function createModelSource(
  options: ModelSourceOptions,
  deps: { bus: Bus; logger: Logger; clock: () => number; createModel?: (options: ModelDriverOptions) => ModelDriver },
): ModelSource {
  const { bus, logger, clock, createModel = createModelDriver } = deps;
  let known: Settings | undefined;
  let knownAt = 0;
  let stale = true;
  let current: Lent | undefined;
  const retired = new Set<Promise<void>>();

  async function settings(): Promise<Settings> {
    if (known && !stale && clock() - knownAt < freshMs) return known;
    try {
      stale = false;
      const { model, bridges } = await bus.call(configGet, {}, { timeoutMs: 1_200 });
      known = { ...model, messengers: Object.entries(bridges?.openclaw.platforms ?? {}).flatMap(([name, { enabled }]) => (enabled ? [name] : [])) };
      knownAt = clock();
      return known;
    } catch (error) {
      stale = true;
      logger.warn({ err: error }, 'the interlock did not give the model settings; only private addresses are allowed until it does');
      return { ...(known ?? strict), localOnly: true };
    }
  }

  function retire(lent: Lent): void {
    const closing = lent.model.driver
      .close()
      .catch((error: unknown) => logger.warn({ err: error }, 'a model driver failed to close'))
      .finally(() => retired.delete(closing));
    retired.add(closing);
  }

  function open({ localOnly, url, name, allowedHosts, contextTokens }: ModelSettings): Lent {
    const address = options.url ?? url ?? options.defaultUrl;
    const model = options.name ?? name;
    const driverOptions: ModelDriverOptions = {
      url: address,
      localOnly,
      allowedHosts,
      contextTokens,
      idleTimeoutMs: options.idleTimeoutMs,
      ...(model === null ? {} : { model }),
      ...(options.apiKey === null ? {} : { apiKey: options.apiKey }),
    };
    const key = JSON.stringify(driverOptions);
    if (current?.key === key) return current;
    const driver = build(driverOptions);
    if (current && current.users === 0) retire(current);
    current = { key, users: 0, model: { driver, contextTokens, configured: (options.url ?? url) !== null, address: shownAddress(address), name: model, localOnly } };
    return current;
  }

  function build(driverOptions: ModelDriverOptions): ModelDriver {
    try {
      return createModel(driverOptions);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new ModelUnusable(`The address of the model server cannot be used: ${error.message}.`, 'Mend MEGABOT_MODEL_URL, or the model section of meta-config.yaml.');
    }
  }

  return {
    async use(work) {
      const { messengers, ...rest } = await settings();
      const lent = open(rest);
      lent.users += 1;
      try {
        return await work({ ...lent.model, messengers });
      } finally {
        lent.users -= 1;
        if (lent !== current && lent.users === 0) retire(lent);
      }
    },
    localOnly: async () => (await settings()).localOnly,
    invalidate() {
      stale = true;
    },
    async close() {
      if (current) retire(current);
      current = undefined;
      await Promise.all(retired);
    },
  };
}

/** An address for people: credentials and query may be secrets. */
export function shownAddress(text: string): string {
  if (text.startsWith('unix:')) return text;
  const url = URL.parse(text);
  return url ? `${url.origin}${url.pathname.replace(/\/$/, '')}` : 'an unreadable address';
}
