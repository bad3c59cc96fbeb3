/** Every process that may connect to the bus; `init` is the one-shot job that makes streams and consumers. */
export const serviceNames = ['gateway', 'orchestrator', 'interlock', 'sandbox', 'memory'] as const;
export type ServiceName = (typeof serviceNames)[number];
