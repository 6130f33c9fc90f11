import { ProblemError, readProblem, UnexpectedAnswerError, UnreachableError } from './errors.js';

/** Address and credentials of the API. */
export interface Endpoint {
  /** Such as `http://127.0.0.1:8182`; a path in it comes before the API's own. */
  url: string;
  /** Secret of an API key. */
  key?: string | undefined;
  /** @default the global one */
  fetch?: typeof fetch | undefined;
}

/** One request. */
export interface ApiRequest {
  method?: 'GET' | 'POST' | 'DELETE' | undefined;
  path: string;
  /** Members without a value are left out; a list is the parameter several times. */
  query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>> | undefined;
  headers?: Record<string, string> | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as a stream instead of `body`; `headers` name its media type. */
  stream?: ReadableStream<Uint8Array> | undefined;
  /** Names a submission, so that repeating it creates nothing new. */
  idempotencyKey?: string | undefined;
  /** Longest time for which the server is to hold its answer (`Prefer: wait`, RFC 7240). */
  waitSeconds?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** One request whose answer is JSON. */
export interface Call<T> extends ApiRequest {
  /** Whether the answer's body has the expected shape. */
  accept: (body: unknown) => body is T;
}

/** A successful answer. */
export interface Answer<T> {
  body: T;
  /** From the Retry-After header. */
  retryAfterMs: number | undefined;
}

/**
 * Sends one request and reads its JSON answer. Throws {@link ProblemError} for an error answer,
 * {@link UnreachableError} when no answer came, {@link UnexpectedAnswerError} for an answer of another service, and the
 * signal's reason when it was aborted.
 */
export async function send<T>(endpoint: Endpoint, call: Call<T>): Promise<Answer<T>> {
  const response = await open(endpoint, call);
  const body = parseJson(await readText(response, endpoint, call));
  if (!call.accept(body)) {
    throw new UnexpectedAnswerError(addressOf(endpoint.url, call), `${response.status} with an unknown body`);
  }
  return { body, retryAfterMs: parseRetryAfter(response.headers.get('retry-after')) };
}

/** Sends one request; the body of its successful answer is left to be read. Throws what {@link send} throws. */
export async function open(endpoint: Endpoint, request: ApiRequest): Promise<Response> {
  let response: Response;
  try {
    response = await (endpoint.fetch ?? fetch)(addressOf(endpoint.url, request), initOf(endpoint, request));
  } catch (cause) {
    throw reasonOf(cause, endpoint, request);
  }
  if (response.ok) return response;
  const body = parseJson(await readText(response, endpoint, request));
  const { status, statusText, headers } = response;
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'));
  throw new ProblemError({ ...readProblem(body, { status, title: statusText }, retryAfterMs), status });
}

/** The error of a failed read or write: the signal's reason, or {@link UnreachableError}. */
export function reasonOf(
  cause: unknown,
  endpoint: Endpoint,
  { signal }: Pick<ApiRequest, 'signal'>,
): unknown {
  return signal?.aborted ? signal.reason : new UnreachableError(endpoint.url, { cause });
}

function addressOf(base: string, { path, query = {} }: ApiRequest): string {
  const search = new URLSearchParams();
  for (const [name, values] of Object.entries(query)) {
    for (const value of [values].flat()) if (value !== undefined) search.append(name, String(value));
  }
  const text = search.toString();
  return `${base.replace(/\/+$/, '')}${path}${text && `?${text}`}`;
}

function initOf(
  endpoint: Endpoint,
  { method = 'GET', body, stream, headers, idempotencyKey, waitSeconds, signal }: ApiRequest,
): RequestInit {
  return {
    method,
    headers: {
      accept: 'application/json, application/problem+json',
      ...(endpoint.key === undefined ? {} : { authorization: `Bearer ${endpoint.key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': `"${idempotencyKey}"` }),
      ...(waitSeconds === undefined ? {} : { prefer: `wait=${Math.max(0, Math.floor(waitSeconds))}` }),
      ...headers,
    },
    ...(stream
      ? { body: stream, duplex: 'half' }
      : { body: body === undefined ? null : JSON.stringify(body) }),
    signal: signal ?? null,
  };
}

async function readText(response: Response, endpoint: Endpoint, request: ApiRequest): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    throw reasonOf(cause, endpoint, request);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Parses Retry-After (RFC 9110, section 10.2.3): whole seconds, or a date. In ms from now; undefined when absent or malformed. */
export function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  // An HTTP date starts with the name of a day; Date.parse alone would accept "1.5", too.
  const atMs = /^\s*[A-Za-z]/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - Date.now());
}
