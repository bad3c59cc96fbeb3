import type { Finding } from './findings.ts';
import type { LinkState } from './link.ts';

export const counterNames = [
  'connections', 'messages', 'ignored', 'repeated', 'too_old', 'not_followed', 'events_dropped', 'frames_unreadable', 'answers_delivered', 'attempts_failed',
] as const;
export type CounterName = (typeof counterNames)[number];

/** The bridge as `/health`, the UI and `!status` show it. */
export interface OpenClawStatus {
  readonly state: LinkState['name'];
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Where messages go through, without secrets; absent while off. */
  readonly address?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly mend?: string;
  readonly nextTryAt?: number;
  /** The version that the gateway says it has, while connected. */
  readonly gatewayVersion?: string;
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly findings: readonly Finding[];
}

export type Counters = Record<CounterName, number>;
export const newCounters = (): Counters => Object.fromEntries(counterNames.map((name) => [name, 0])) as Counters;

export function describeState(state: LinkState): Pick<OpenClawStatus, 'reason' | 'message' | 'mend' | 'nextTryAt' | 'gatewayVersion'> {
  switch (state.name) {
    case 'off':
    case 'connecting':
      return {};
    case 'connected':
      return { gatewayVersion: state.connection.hello.server.version.replace(/[^\w.+-]/g, '?') };
    case 'refused':
      return { reason: state.problem.reason, message: state.problem.message, mend: state.problem.mend };
    case 'waiting':
      return { reason: state.problem.reason, message: state.problem.message, mend: state.problem.mend, nextTryAt: state.nextTryAt };
  }
}
