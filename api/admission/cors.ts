import cors from 'cors';
import type { RequestHandler } from 'express';
import { HEADERS } from '../openapi/headers.js';

/** Origins whose pages may call: all, or a list. */
export type CorsOrigins = '*' | readonly string[];

/** Reads `CORS_ORIGIN`: `*`, or origins with commas between them. Undefined for no text. */
export function parseCorsOrigins(text: string): CorsOrigins | undefined {
  if (text === '') return undefined;
  if (text === '*') return '*';
  return text.split(',').map((entry) => {
    const origin = entry.trim();
    if (URL.canParse(origin) && new URL(origin).origin === origin) return origin;
    throw new Error(`must be * or origins such as https://app.example.org, not "${origin}"`);
  });
}

const REQUEST_HEADERS = [
  'Authorization',
  'Content-Encoding',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'traceparent',
  'X-Request-Id',
];
/** Time for which a browser may keep the answer to a preflight, in seconds. */
const PREFLIGHT_SECONDS = 600;

/** Adds the headers by which a browser lets pages of other origins call. Preflights are answered by the routes. */
export const allowOrigins = (origins: CorsOrigins): RequestHandler =>
  cors({
    origin: origins === '*' ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders: REQUEST_HEADERS,
    exposedHeaders: Object.keys(HEADERS),
    maxAge: PREFLIGHT_SECONDS,
    preflightContinue: true,
  });
