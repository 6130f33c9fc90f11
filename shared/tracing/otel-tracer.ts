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
import { NO_SPAN, type Span, type SpanAttributes, type SpanStart, type Tracer } from './tracer.js';

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
    start: (name, start) => startSpan(tracer, name, start),
    async close() {
      // Of several exports the first that fails ends the provider's wait; the exporter waits for all.
      await provider.shutdown().catch(() => undefined);
      await exporter.shutdown().catch(() => undefined);
    },
  };
}

function startSpan(tracer: OtelTracer, name: string, { kind, parent, attributes = {} }: SpanStart): Span {
  const context = parent === undefined ? ROOT_CONTEXT : remoteContext(parent);
  return new RecordedSpan(
    tracer,
    tracer.startSpan(name, { kind: KINDS[kind], attributes: known(attributes) }, context),
  );
}

class RecordedSpan implements Span {
  readonly #tracer: OtelTracer;
  readonly #span: OtelSpan;

  constructor(tracer: OtelTracer, span: OtelSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  get isRecorded(): boolean {
    return (this.#span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  child(name: string, more: { links?: readonly Span[]; attributes?: SpanAttributes } = {}): Span {
    if (!this.isRecorded) return NO_SPAN;
    const { links = [], attributes = {} } = more;
    const options = { attributes: known(attributes), links: links.flatMap(linkTo) };
    return new RecordedSpan(
      this.#tracer,
      this.#tracer.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, this.#span)),
    );
  }

  link(to: Span): void {
    for (const link of linkTo(to)) this.#span.addLink(link);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(known(attributes));
  }

  fail(message: string): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
  }

  end(): void {
    this.#span.end();
  }
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
