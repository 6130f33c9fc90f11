import type { Request, Response } from 'express';
import type { Span } from '../../shared/tracing/tracer.js';
import { ANYONE, type Caller } from './caller.js';
import { ProblemError } from './problem.js';
import { type BodyLimits, readJson } from './read-json.js';
import { parseTraceparent, requestIdOf } from './request-headers.js';
import type { HeaderPairs } from './security-headers.js';

/** Headers of one answer; those without a value are left out. */
export type AnswerHeaders = Readonly<Record<string, string | number | undefined>>;

/** The headers with which every answer of a route begins, and the name of the route in the log. */
export interface ExchangeDefaults {
  headers: HeaderPairs;
  route: string;
}

/** The settings that all exchanges of a process share. */
export interface ExchangeSettings {
  /** Of a JSON body. */
  bodyLimits: BodyLimits;
  /** Aborted when the process has been told to stop. */
  draining: AbortSignal;
}

/** The error with which Express reports a file that was not sent. */
interface SendFileError extends NodeJS.ErrnoException {
  status?: number;
}

/** One request and its answer: handlers know HTTP through it alone. */
export class Exchange {
  readonly requestId: string;
  /** The sender of the request, once admission has identified it. */
  caller: Caller = ANYONE;
  readonly startedMs = performance.now();
  /** Ids of the records that this exchange is about, for the log and the trace. */
  readonly about: Record<string, string> = {};
  /** The span of this exchange; undefined while tracing is off. */
  span: Span | undefined;
  /** The reason of an answer that is an error of the service, for the log. */
  failure: string | undefined;

  constructor(
    readonly request: Request,
    readonly response: Response,
    readonly defaults: ExchangeDefaults,
    private readonly settings: ExchangeSettings,
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
  async json(): Promise<unknown> {
    return (await readJson(this.request, this.settings.bodyLimits)).value;
  }

  /** Throws a 503 problem when the process has been told to stop. */
  refuseWhileDraining(): void {
    if (!this.settings.draining.aborted) return;
    const detail = 'this process is shutting down and did nothing: repeat on a new connection';
    throw new ProblemError('draining', detail, { retryAfterSeconds: 1 });
  }

  /** Answers with JSON. Nothing is stored on the way unless `Cache-Control` says otherwise. */
  sendJson(status: number, body: unknown, headers?: AnswerHeaders): void {
    this.sendJsonText(status, JSON.stringify(body), headers);
  }

  /** Answers with a text that is JSON already. */
  sendJsonText(status: number, json: string, headers: AnswerHeaders = {}): void {
    this.send(status, json, headers, 'application/json');
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
    if (this.settings.draining.aborted) pairs.push('Connection', 'close');
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
    if (this.settings.draining.aborted) this.response.setHeader('Connection', 'close');
    return new Promise((resolve, reject) => {
      this.response.sendFile(path, { cacheControl: false, acceptRanges: false }, (error?: SendFileError) => {
        // A client that has left needs no answer.
        if (!error || error.code === 'ECONNABORTED') resolve();
        else if (error.status === 412) {
          reject(new ProblemError('precondition-failed', 'the file is not what If-Match or the like says'));
        } else reject(error);
      });
    });
  }
}
