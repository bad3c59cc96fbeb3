/** Counters and gauges in Prometheus' text format, without a library: names and labels are known at compile time. */
export interface Metrics {
  count(name: CounterName, label?: string): void;
  gauge(name: GaugeName, read: () => number): void;
  render(): string;
}

const counters = {
  megabot_gateway_connections_total: { help: 'Connections that were authenticated, by channel', label: 'channel' },
  megabot_gateway_refused_total: { help: 'Connections, requests and frames refused, by code', label: 'code' },
  megabot_gateway_messages_total: { help: 'Messages accepted, by what they were', label: 'kind' },
  megabot_gateway_decisions_total: { help: 'Decisions on approvals, by decision', label: 'decision' },
  megabot_gateway_events_total: { help: 'Events forwarded, by type of frame', label: 'type' },
  megabot_gateway_http_requests_total: { help: 'HTTP requests answered, by status', label: 'status' },
  megabot_gateway_failures_total: { help: 'Failures inside MegaBot, by code', label: 'code' },
} as const;
const gauges = {
  megabot_gateway_connections: 'Authenticated connections now',
  megabot_gateway_unauthenticated_connections: 'Connections in their handshake now',
  megabot_gateway_event_seq: 'Place of the last event forwarded',
  megabot_gateway_bus_connected: 'Whether the bus is connected',
} as const;
export type CounterName = keyof typeof counters;
export type GaugeName = keyof typeof gauges;

export function createMetrics(): Metrics {
  const values = new Map<CounterName, Map<string, number>>();
  const readers = new Map<GaugeName, () => number>();
  return {
    count(name, label = '') {
      const byLabel = values.get(name) ?? new Map<string, number>();
      byLabel.set(label, (byLabel.get(label) ?? 0) + 1);
      values.set(name, byLabel);
    },
    gauge(name, read) {
      readers.set(name, read);
    },
    render() {
      const lines: string[] = [];
      for (const [name, byLabel] of values) {
        lines.push(`# HELP ${name} ${counters[name].help}`, `# TYPE ${name} counter`);
        for (const [label, value] of byLabel) lines.push(`${name}{${counters[name].label}=${JSON.stringify(label)}} ${value}`);
      }
      for (const [name, read] of readers) lines.push(`# HELP ${name} ${gauges[name]}`, `# TYPE ${name} gauge`, `${name} ${read()}`);
      return `${lines.join('\n')}\n`;
    },
  };
}
