export interface HealthView {
  readonly status: string;
  readonly version: string | null;
  readonly deployment: string | null;
  /** Of the native socket. */
  readonly encryption: 'on' | 'off' | 'unknown';
  readonly services: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
  /** How the bridge to messengers stands; null while it is off or another process runs it. */
  readonly messengers: string | null;
  readonly warnings: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** Reads `/health` leniently: a page about what is broken must not break over a field that a newer gateway shapes otherwise. */
export function readHealth(body: unknown): HealthView {
  const health = fields(body);
  const listed = health['services'] ?? health['checks'];
  const services = Array.isArray(listed) ? listed.map((one) => [text(fields(one)['name']) ?? 'unnamed', one] as const) : Object.entries(fields(listed));
  return {
    status: text(health['status']) ?? 'unknown',
    version: text(health['version']),
    deployment: text(health['deployment']) ?? text(health['mode']),
    encryption: encryptionOf(health['encryption']),
    services: services.map(([name, value]) => ({ name, ok: isWell(value), detail: detailOf(value) })),
    messengers: text(fields(fields(health['bridges'])['openclaw'])['state']),
    warnings: Array.isArray(health['warnings']) ? health['warnings'].filter((warning) => typeof warning === 'string') : [],
  };
}

function encryptionOf(value: unknown): HealthView['encryption'] {
  const inner = fields(value);
  const said = typeof value === 'object' ? (inner['enabled'] ?? inner['required'] ?? inner['status']) : value;
  if (said === true || said === 'on' || said === 'required') return 'on';
  if (said === false || said === 'off') return 'off';
  return 'unknown';
}

function isWell(value: unknown): boolean {
  const inner = fields(value);
  const said = typeof value === 'object' ? (inner['ok'] ?? inner['healthy'] ?? inner['status']) : value;
  return said === true || said === 'ok' || said === 'up' || said === 'healthy' || said === 'ready';
}

function detailOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const inner = fields(value);
  return text(inner['detail']) ?? text(inner['message']) ?? text(inner['error']) ?? text(inner['status']) ?? '';
}
