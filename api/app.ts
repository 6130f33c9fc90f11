import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { allowOrigins } from './admission/cors.js';
import type { ApiContext } from './context.js';
import { answerError } from './http/answer-error.js';
import { Exchange, type ExchangeDefaults } from './http/exchange.js';
import { checkHost } from './http/host.js';
import { recordExchange } from './telemetry/record-exchange.js';
import { ProblemError } from './http/problem.js';
import type { RouteMethod } from './http/route.js';
import { dataHeaders, pageHeaders } from './http/security-headers.js';
import { allRoutes } from './routes/all-routes.js';
import { noSuchPath, otherMethod } from './routes/fallbacks.js';

/** The whole HTTP interface on a context. Opens no port. */
export function createApp(ctx: ApiContext): Express {
  const app = express();
  // Answers are written whole by Exchange, queries are parsed where they are wanted: Express need do neither.
  app.disable('x-powered-by').set('etag', false).set('query parser', false);
  const { corsOrigins, trustedProxies } = ctx.config.admission;
  if (trustedProxies > 0) app.set('trust proxy', trustedProxies);
  if (corsOrigins !== undefined) app.use(allowOrigins(corsOrigins));
  const forData = dataHeaders();
  const forPages = pageHeaders();

  const methodsOf = new Map<string, RouteMethod[]>();
  for (const { method, path, isPage, isPublic, handle } of allRoutes()) {
    const pattern = expressPath(path);
    const headers = isPage ? forPages : forData;
    app[method](
      pattern,
      exchanging(ctx, { headers, route: path }, isPublic ? handle : admitting(ctx, handle)),
    );
    methodsOf.set(path, [...(methodsOf.get(path) ?? []), method]);
  }
  for (const [path, methods] of methodsOf) {
    app.all(expressPath(path), exchanging(ctx, { headers: forData, route: path }, otherMethod(methods)));
  }
  const nowhere: ExchangeDefaults = { headers: forData, route: 'none' };
  app.use(exchanging(ctx, nowhere, noSuchPath));
  return app.use(refusal(ctx, nowhere));
}

/** OpenAPI's `/jobs/{id}` as Express writes it. */
const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

type Handle = (x: Exchange) => void | Promise<void>;

/** Nothing of a request is looked at before it is known who sent it. */
const admitting =
  ({ admission }: ApiContext, handle: Handle): Handle =>
  async (x) => {
    await admission.admit(x);
    await handle(x);
  };

function exchanging(ctx: ApiContext, defaults: ExchangeDefaults, handle: Handle): RequestHandler {
  return async (request, response) => {
    const x = new Exchange(ctx, request, response, defaults);
    recordExchange(ctx, x);
    try {
      checkHost(request, ctx.config.listen.isLoopbackOnly);
      await handle(x);
    } catch (error) {
      answerError(x, error);
    }
  };
}

/** What Express itself throws, before any route is reached: paths that cannot be decoded. */
function refusal(ctx: ApiContext, defaults: ExchangeDefaults): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const x = new Exchange(ctx, request, response, defaults);
    recordExchange(ctx, x);
    answerError(
      x,
      error instanceof URIError ? new ProblemError('not-found', 'the path cannot be decoded') : error,
    );
  };
}
