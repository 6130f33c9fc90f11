import { type ScriptedAnswer, startAnswers } from './answer-server.js';

/** A span as a collector gets it. */
export interface SeenSpan {
  service: string;
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  /** Empty for the first of a trace. */
  parentId: string;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  /** 0 unset, 1 ok, 2 error. */
  status: { code?: number; message?: string };
  startNs: bigint;
  endNs: bigint;
}

/** Of OTLP. */
export const SPAN_KIND = { internal: 1, server: 2, consumer: 5 };
export const FAILED = 2;

/** A collector that keeps what it is sent: OTLP over HTTP, as JSON. */
export interface Collector {
  endpoint: string;
  /** Everything that has come so far. */
  spans(): SeenSpan[];
  requests: number;
  close(): Promise<void>;
}

interface Otlp {
  resourceSpans: {
    resource: { attributes: OtlpAttribute[] };
    scopeSpans: { spans: OtlpSpan[] }[];
  }[];
}

interface OtlpAttribute {
  key: string;
  value: Record<string, unknown>;
}

interface OtlpSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: OtlpAttribute[];
  links?: { traceId: string; spanId: string }[];
  status: SeenSpan['status'];
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}

/** Listens on a free port. */
export async function startCollector(answer: ScriptedAnswer = { body: {} }): Promise<Collector> {
  const server = await startAnswers([answer]);
  const { url, requests } = server;
  return {
    endpoint: url,
    get requests() {
      return requests.length;
    },
    spans: () =>
      requests
        .filter(({ path }) => path === '/v1/traces')
        .flatMap(({ body }) => (JSON.parse(body) as Otlp).resourceSpans)
        .flatMap(({ resource, scopeSpans }) => {
          const service = String(valuesOf(resource.attributes)['service.name']);
          return scopeSpans.flatMap(({ spans }) => spans.map((span) => seen(service, span)));
        }),
    close: () => server.close(),
  };
}

const seen = (service: string, span: OtlpSpan): SeenSpan => ({
  service,
  name: span.name,
  kind: span.kind,
  traceId: span.traceId,
  spanId: span.spanId,
  parentId: span.parentSpanId ?? '',
  attributes: valuesOf(span.attributes),
  links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
  status: span.status,
  startNs: BigInt(span.startTimeUnixNano),
  endNs: BigInt(span.endTimeUnixNano),
});

/** `{ stringValue: 'x' }` and its like, without the wrapping. */
const valuesOf = (attributes: readonly OtlpAttribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
