import type { Logger } from '../log/logger.js';
import { NO_TRACER, type Tracer } from './tracer.js';

/** The collector that spans are sent to. */
export interface TracingConfig {
  /** Address of a collector that takes OTLP over HTTP; `/v1/traces` is added. */
  endpoint: string;
}

/** Reads `OTEL_EXPORTER_OTLP_ENDPOINT`; an empty text is no tracing. Throws an error that names the fault. */
export function parseTracing(text: string): TracingConfig | undefined {
  if (text === '') return undefined;
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new Error(`must be an http:// or https:// address, not "${text}"`);
  }
  return { endpoint: text.replace(/\/+$/, '') };
}

/** Opens a tracer. Without a config nothing of OpenTelemetry is loaded, and spans cost nothing. */
export async function openTracer(
  serviceName: string,
  { tracing, log }: { tracing: TracingConfig | undefined; log: Logger },
): Promise<Tracer> {
  if (!tracing) return NO_TRACER;
  const { createOtelTracer } = await import('./otel-tracer.js');
  log.info('tracing', { endpoint: tracing.endpoint });
  return createOtelTracer(serviceName, { endpoint: tracing.endpoint, log });
}
