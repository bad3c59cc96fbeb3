import type { Bus } from '@megabot/bus/port.ts';
import { configGet } from '@megabot/contracts/endpoints/interlock.ts';
import type { PlatformSettings } from '@megabot/contracts/settings.ts';

export interface BridgeRules {
  readonly localOnly: boolean;
  /** What `meta-config.yaml` says of a platform; undefined where it says nothing: nobody there is answered. */
  platform(name: string): PlatformSettings | undefined;
}

export interface BridgeRulesSource {
  /** @throws ServiceError while the interlock does not answer: then nobody is let in. */
  read(): Promise<BridgeRules>;
  /** The configuration may have changed. */
  invalidate(): void;
}

/** Should the event of a change be missed, the rules are read again after this long. */
const freshMs = 10_000;

/** The owner's rules for people behind a messenger, as the interlock serves them. */
export function createBridgeRules(bus: Bus, clock: () => number): BridgeRulesSource {
  let known: { readonly rules: BridgeRules; readonly at: number } | undefined;
  return {
    async read() {
      if (known && clock() - known.at < freshMs) return known.rules;
      const { model, bridges } = await bus.call(configGet, {});
      const platforms = bridges?.openclaw.platforms ?? {};
      const rules: BridgeRules = {
        localOnly: model.localOnly,
        // A name from outside must not find what every object inherits.
        platform: (name) => (Object.hasOwn(platforms, name) ? platforms[name] : undefined),
      };
      known = { rules, at: clock() };
      return rules;
    },
    invalidate() {
      known = undefined;
    },
  };
}
