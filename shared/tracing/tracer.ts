import { messageOf } from '../errors.js';

/** Attributes of a span; members without a value are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Options of a new span. */
export interface SpanStart {
  kind: 'server' | 'consumer' | 'internal';
  /** `traceparent` of the span in another process that caused this one; undefined begins a trace. */
  parent?: string | undefined;
  attributes?: SpanAttributes;
}

/** One piece of work in a trace. */
export interface Span {
  /** `traceparent` for another process that continues the trace; undefined while tracing is off. */
  readonly traceparent: string | undefined;
  /** Whether the span is sent to the collector: false where sampling decided against it. */
  readonly isRecorded: boolean;
  /** Begins a span below this one. `links` are others that caused it. */
  child(name: string, more?: { links?: readonly Span[]; attributes?: SpanAttributes }): Span;
  /** Links to a span of another trace, or of another process, that belongs to this one. */
  link(to: Span): void;
  set(attributes: SpanAttributes): void;
  /** Marks the span as failed. */
  fail(message: string): void;
  /** Ends the span; later calls have no effect. */
  end(): void;
}

/** Tracing, without a word of OpenTelemetry. */
export interface Tracer {
  /** Whether tracing is on: callers ask before they build costly attributes. */
  readonly isOn: boolean;
  start(name: string, start: SpanStart): Span;
  /** Sends the spans that are left, for about a second at most. Never rejects. */
  close(): Promise<void>;
}

/** The one span that there is while tracing is off. */
export const NO_SPAN: Span = {
  traceparent: undefined,
  isRecorded: false,
  child: () => NO_SPAN,
  link: () => undefined,
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
};

export const NO_TRACER: Tracer = { isOn: false, start: () => NO_SPAN, close: () => Promise.resolve() };

/** Runs work under a span, which ends with it, as failed where it throws. */
export async function inSpan<T>(span: Span, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    span.fail(messageOf(error));
    throw error;
  } finally {
    span.end();
  }
}
