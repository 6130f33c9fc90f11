import { messageOf } from '../errors.js';

/** What is known of a span beside its name and its times; members without a value are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** How a span begins. */
export interface SpanStart {
  kind: 'server' | 'consumer' | 'internal';
  /** `traceparent` of the span in another process that caused this one; undefined begins a trace. */
  parent?: string | undefined;
  attributes?: SpanAttributes;
}

/** One piece of work in a trace. */
export interface Span {
  /** For whoever goes on with the trace elsewhere; undefined while tracing is off. */
  readonly traceparent: string | undefined;
  /** Whether it will reach the collector: false where sampling decided against it. */
  readonly isRecorded: boolean;
  /** Begins a span below this one. `links` are others that caused it. */
  child(name: string, more?: { links?: readonly Span[]; attributes?: SpanAttributes }): Span;
  /** Points at a span that belongs to this one and stands elsewhere. */
  link(to: Span): void;
  set(attributes: SpanAttributes): void;
  /** Marks it as gone wrong. */
  fail(message: string): void;
  /** To be called once; nothing counts afterwards. */
  end(): void;
}

/** What the rest of the code knows of tracing. */
export interface Tracer {
  /** Ask before building costly attributes. */
  readonly isOn: boolean;
  start(name: string, start: SpanStart): Span;
  /** Sends what is left, as far as that goes within about a second. Never rejects. */
  close(): Promise<void>;
}

/** The span of everything while tracing is off. */
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
