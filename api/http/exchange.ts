import type { Request, Response } from 'express';
import type { Span } from '../../shared/tracing/tracer.js';
import { ANYONE, type Caller } from '../admission/caller.js';
import type { ApiContext } from '../context.js';
import { ProblemError } from './problem.js';
import { readJson } from './read-json.js';
import { requestIdOf } from './request-id.js';
import type { HeaderPairs } from './security-headers.js';
import { parseTraceparent } from './trace-context.js';

/** Headers of one answer; those without a value are left out. */
export type AnswerHeaders = Readonly<Record<string, string | number | undefined>>;

/** What a route's answers begin with, and what the log calls it. */
export interface ExchangeDefaults {
  headers: HeaderPairs;
  route: string;
}

/** What Express says of a file that was not sent. */
interface SendFileError extends NodeJS.ErrnoException {
  status?: number;
}

/** One request and its answer: what handlers see of HTTP. */
export class Exchange {
  readonly requestId: string;
  /** Who sent it, once that has been found out. */
  caller: Caller = ANYONE;
  readonly startedMs = performance.now();
  /** The job that this exchange is about, for the log. */
  jobId: string | undefined;
  /** The batch that this exchange is about, for the log. */
  batchId: string | undefined;
  /** What traces say of this exchange; undefined while tracing is off. */
  span: Span | undefined;
  /** Why the answer is an error of ours, for the log. */
  failure: string | undefined;

  constructor(
    readonly ctx: ApiContext,
    readonly request: Request,
    readonly response: Response,
    readonly defaults: ExchangeDefaults,
  ) {
    this.requestId = requestIdOf(this.header('x-request-id'));
  }

  /** A request header by its lower-case name; several lines of one name are joined by commas. */
  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** A parameter of the path. */
  param(name: string): string {
    return String(this.request.params[name] ?? '');
  }

  /** The parameters of the query, in their order. */
  query(): URLSearchParams {
    const start = this.request.url.indexOf('?');
    return new URLSearchParams(start < 0 ? '' : this.request.url.slice(start + 1));
  }

  /** The trace to go on with: of this exchange's own span, else of the request where it says so in a valid way. */
  traceparent(): string | undefined {
    if (this.span) return this.span.traceparent;
    const header = this.header('traceparent');
    return header === undefined ? undefined : parseTraceparent(header);
  }

  /** The body, as JSON. Throws a problem as {@link readJson} does. */
  json(): Promise<unknown> {
    const { config, limits } = this.ctx;
    return readJson(this.request, { limitBytes: config.bodyLimitBytes, timeoutMs: limits.bodyMs });
  }

  /** Answers with JSON. Nothing is stored on the way unless `Cache-Control` says otherwise. */
  sendJson(status: number, body: unknown, headers: AnswerHeaders = {}): void {
    this.send(status, JSON.stringify(body), headers, 'application/json');
  }

  /**
   * Answers with a text, or without a body; `type` is its media type unless `headers` have another. Does nothing when the
   * client is gone.
   */
  send(status: number, body: string | undefined, headers: AnswerHeaders, type?: string): void {
    if (this.response.headersSent || this.response.destroyed) return;
    const first: (string | number)[] = [];
    if (body !== undefined) first.push('Content-Length', Buffer.byteLength(body));
    if (type !== undefined && headers['Content-Type'] === undefined) first.push('Content-Type', type);
    this.begin(status, headers, first).end(body);
  }

  /** Begins an answer whose body is written afterwards; `first` are names and values in turn, before the other headers. */
  begin(status: number, headers: AnswerHeaders, first: readonly (string | number)[] = []): Response {
    const pairs: (string | number)[] = [...this.defaults.headers, 'X-Request-Id', this.requestId, ...first];
    if (headers['Cache-Control'] === undefined) pairs.push('Cache-Control', 'no-store');
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined) pairs.push(name, name === 'Vary' ? this.#vary(value) : value);
    }
    // A process that is going away wants no further request on this connection.
    if (this.ctx.draining.aborted) pairs.push('Connection', 'close');
    return this.response.writeHead(status, pairs);
  }

  /** Adds to what is said already: CORS makes answers vary, too. */
  #vary(value: string | number): string {
    const before = this.response.getHeader('Vary');
    return before === undefined ? String(value) : `${String(before)}, ${value}`;
  }

  /** Answers with a whole file, or as not modified. Throws a problem when another condition of the request fails. */
  sendFile(path: string, cacheControl: string): Promise<void> {
    const { headers } = this.defaults;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      this.response.setHeader(headers[i] ?? '', headers[i + 1] ?? '');
    }
    this.response.setHeader('X-Request-Id', this.requestId).setHeader('Cache-Control', cacheControl);
    if (this.ctx.draining.aborted) this.response.setHeader('Connection', 'close');
    return new Promise((resolve, reject) => {
      this.response.sendFile(path, { cacheControl: false, acceptRanges: false }, (error?: SendFileError) => {
        // Without its client there is nothing left to do.
        if (!error || error.code === 'ECONNABORTED') resolve();
        else if (error.status === 412) {
          reject(new ProblemError('precondition-failed', 'the file is not what If-Match or the like says'));
        } else reject(error);
      });
    });
  }
}
