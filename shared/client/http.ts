import {
  type FieldProblem,
  type Problem,
  ProblemError,
  UnexpectedAnswerError,
  UnreachableError,
} from './errors.js';
import { isRecord } from './is-record.js';

/** Where the API is and how to reach it. */
export interface Endpoint {
  /** Such as `http://127.0.0.1:8182`; a path in it comes before the API's own. */
  url: string;
  /** Secret of an API key. */
  key?: string;
  /** @default the global one */
  fetch?: typeof fetch;
}

/** One request. */
export interface Call<T> {
  method?: 'GET' | 'POST' | 'DELETE';
  path: string;
  query?: URLSearchParams;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Whether the answer's body is what it should be. */
  accept: (body: unknown) => body is T;
}

/** A successful answer. */
export interface Answer<T> {
  status: number;
  body: T;
  /** From the Retry-After header. */
  retryAfterMs: number | undefined;
}

/**
 * Sends one request and reads its JSON answer. Throws {@link ProblemError} for an error answer,
 * {@link UnreachableError} when none came, {@link UnexpectedAnswerError} when it is none of this API's, and the
 * signal's reason when it was aborted.
 */
export async function send<T>(endpoint: Endpoint, call: Call<T>): Promise<Answer<T>> {
  const url = addressOf(endpoint.url, call);
  const { response, body } = await exchange(url, endpoint, call);
  const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'));
  if (!response.ok) throw new ProblemError(problemOf(response, body, retryAfterMs));
  if (!call.accept(body)) throw new UnexpectedAnswerError(url, `${response.status} with an unknown body`);
  return { status: response.status, body, retryAfterMs };
}

function addressOf(base: string, { path, query }: Pick<Call<unknown>, 'path' | 'query'>): string {
  const search = query?.toString() ?? '';
  return `${base.replace(/\/+$/, '')}${path}${search === '' ? '' : `?${search}`}`;
}

async function exchange(url: string, endpoint: Endpoint, call: Call<unknown>) {
  const request: RequestInit = {
    method: call.method ?? 'GET',
    headers: {
      accept: 'application/json, application/problem+json',
      ...(endpoint.key === undefined ? {} : { authorization: `Bearer ${endpoint.key}` }),
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    ...(call.signal ? { signal: call.signal } : {}),
  };
  let response: Response;
  let text: string;
  try {
    response = await (endpoint.fetch ?? fetch)(url, request);
    text = await response.text();
  } catch (cause) {
    call.signal?.throwIfAborted();
    throw new UnreachableError(endpoint.url, { cause });
  }
  return { response, body: parseJson(text) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf(
  { status, statusText }: Response,
  body: unknown,
  retryAfterMs: number | undefined,
): Problem {
  const { type, title, detail, errors } = isRecord(body) ? body : {};
  return {
    status,
    type: typeof type === 'string' ? type : 'about:blank',
    title: typeof title === 'string' ? title : statusText,
    ...(typeof detail === 'string' ? { detail } : {}),
    errors: Array.isArray(errors) ? errors.filter(isFieldProblem) : [],
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

const isFieldProblem = (value: unknown): value is FieldProblem =>
  isRecord(value) && typeof value['pointer'] === 'string' && typeof value['detail'] === 'string';

/** Retry-After as RFC 9110 has it: whole seconds, or a date. In ms from now; undefined when absent or neither. */
export function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  // Only a date starts with the name of a day; Date.parse would make one of "1.5" too.
  const atMs = /^\s*[A-Za-z]/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - Date.now());
}
