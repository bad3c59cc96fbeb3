import { basename } from 'node:path';

/**
 * Preload (`node --import`) that starts the OpenTelemetry SDK, and only where an OTLP endpoint is configured: without one
 * nothing is loaded, recorded or sent. Exports go to that endpoint alone, over OTLP/HTTP with JSON bodies. A service is named
 * by the folder it runs in, unless `OTEL_SERVICE_NAME` says otherwise.
 */
const endpoint = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];

if (endpoint !== undefined && endpoint !== '') {
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const sdk = new NodeSDK({
    serviceName: process.env['OTEL_SERVICE_NAME'] ?? basename(process.cwd()),
    traceExporter: new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }),
    instrumentations: [],
  });
  sdk.start();
  // Exports what is held back before a service that was told to stop has gone.
  process.once('beforeExit', () => void sdk.shutdown());
}
