import type { EngineInfo } from './engine.ts';

/** Runtimes that put a kernel of its own between a run and the host's, best known first. */
const stronger: readonly { readonly called: string; readonly pattern: RegExp }[] = [
  { called: 'gVisor', pattern: /^runsc/ },
  { called: 'Kata Containers', pattern: /^(kata|io\.containerd\.kata)/ },
];

export interface RuntimeChoice {
  /** What the engine is told; undefined leaves it to its default. */
  readonly runtime: string | undefined;
  /** For health: what stands between a run and the host. */
  readonly said: string;
}

/**
 * The runtime for all runs. `auto` takes gVisor or Kata where the engine has one; any other name is the operator's word, and
 * holds even if the engine does not know it: then nothing starts, rather than something weaker.
 */
export function chooseRuntime(info: EngineInfo, wish: string): RuntimeChoice {
  if (wish !== 'auto') return { runtime: wish, said: `runtime ${wish}, as configured` };
  for (const { called, pattern } of stronger) {
    const name = info.runtimes.find((runtime) => pattern.test(runtime));
    if (name !== undefined) return { runtime: name, said: `runtime ${name} (${called}: runs do not share the host's kernel)` };
  }
  const extras = (['rootless', 'userns'] as const).filter((option) => info.securityOptions.includes(option));
  return { runtime: undefined, said: [`runtime ${info.defaultRuntime} (runs share the host's kernel)`, ...extras].join(', ') };
}

/** Where the engine can group all runs beside the other containers of the machine; undefined where it cannot. */
export function cgroupParentOf(info: EngineInfo): string | undefined {
  if (info.securityOptions.includes('rootless')) return undefined;
  switch (info.cgroupDriver) {
    case 'systemd':
      return 'megabot-runs.slice';
    case 'cgroupfs':
      return '/megabot-runs';
    default:
      return undefined;
  }
}
