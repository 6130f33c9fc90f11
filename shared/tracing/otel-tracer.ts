import {
  type Attributes,
  type Context,
  diag,
  DiagLogLevel,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../log/logger.js';
import { sparingly } from '../process/sparingly.js';
import { NO_SPAN, type Span, type SpanAttributes, type Tracer } from './tracer.js';

/**
 * Longest that one export may take, repetitions included, in ms. A process that leaves waits for its last export: this
 * is less than what processes keep for closing, so that a collector that is away does not hold them up.
 */
const EXPORT_MS = 1_000;
/** Least time between two log lines about a collector that is away, in ms. */
const SAY_AGAIN_MS = 60_000;

const KINDS = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, internal: SpanKind.INTERNAL };

/**
 * A tracer that sends OTLP as JSON, off the hot path and bounded: spans that the collector does not take in time are
 * dropped. The SDK reads the standard variables itself: sampling, limits, batching, OTEL_SERVICE_NAME, headers.
 */
export function createOtelTracer(
  serviceName: string,
  { endpoint, log }: { endpoint: string; log: Logger },
): Tracer {
  diag.setLogger(complaints(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: EXPORT_MS });
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName, 'process.pid': process.pid }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('waggle');
  return {
    isOn: true,
    start(name, { kind, parent, attributes = {} }) {
      const context = parent === undefined ? ROOT_CONTEXT : remoteContext(parent);
      const options = { kind: KINDS[kind], attributes: known(attributes) };
      return recorded(tracer, tracer.startSpan(name, options, context));
    },
    async close() {
      // Of several exports the first that fails ends the provider's wait; the exporter waits for all.
      await provider.shutdown().catch(() => undefined);
      await exporter.shutdown().catch(() => undefined);
    },
  };
}

/** A span as this project knows it. */
function recorded(tracer: OtelTracer, span: OtelSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const isRecorded = (traceFlags & TraceFlags.SAMPLED) !== 0;
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    isRecorded,
    child(name, { links = [], attributes = {} } = {}) {
      if (!isRecorded) return NO_SPAN;
      const options = { attributes: known(attributes), links: links.flatMap(linkTo) };
      return recorded(tracer, tracer.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, span)));
    },
    link(to) {
      for (const link of linkTo(to)) span.addLink(link);
    },
    set: (attributes) => void span.setAttributes(known(attributes)),
    fail: (message) => void span.setStatus({ code: SpanStatusCode.ERROR, message }),
    end: () => span.end(),
  };
}

const linkTo = ({ traceparent }: Span): Link[] =>
  traceparent === undefined ? [] : [{ context: spanContextOf(traceparent) }];

function remoteContext(traceparent: string): Context {
  const context = spanContextOf(traceparent);
  return isSpanContextValid(context)
    ? trace.setSpanContext(ROOT_CONTEXT, { ...context, isRemote: true })
    : ROOT_CONTEXT;
}

function spanContextOf(traceparent: string): SpanContext {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

function known(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

/** Writes complaints of the SDK as warnings: at most one line a minute about a collector that is away. */
function complaints(log: Logger) {
  const warn = sparingly(SAY_AGAIN_MS, (message: string) => {
    log.warn('tracing', { error: message.slice(0, 500) });
  });
  const nothing = (): void => undefined;
  return { error: warn, warn, info: nothing, debug: nothing, verbose: nothing };
}
