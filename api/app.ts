import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { allowOrigins } from './admission/cors.js';
import type { ApiContext } from './context.js';
import { answerError } from './http/answer-error.js';
import { Exchange, type ExchangeDefaults, type ExchangeSettings } from './http/exchange.js';
import { checkHost } from './http/host.js';
import { recordExchange } from './telemetry/record-exchange.js';
import { ProblemError } from './http/problem.js';
import { dataHeaders, pageHeaders } from './http/security-headers.js';
import type { RouteMethod } from './openapi/operation.js';
import { allRoutes } from './routes/all-routes.js';
import { noSuchPath, otherMethod } from './routes/fallbacks.js';
import type { Handle } from './routes/route.js';

/** The whole HTTP interface on a context. Opens no port. */
export function createApp(ctx: ApiContext): Express {
  const app = express();
  // Exchange writes whole answers, and routes parse the queries that they need: Express does neither.
  app.disable('x-powered-by').set('etag', false).set('query parser', false);
  const { corsOrigins, trustedProxies } = ctx.config.admission;
  if (trustedProxies > 0) app.set('trust proxy', trustedProxies);
  if (corsOrigins !== undefined) app.use(allowOrigins(corsOrigins));
  const forData = dataHeaders();
  const forPages = pageHeaders();
  const open = exchangeOpener(ctx);

  const methodsOf = new Map<string, RouteMethod[]>();
  for (const { method, path, isPage, isPublic, handle } of allRoutes()) {
    const headers = isPage ? forPages : forData;
    const answer = isPublic ? handle : admitting(handle);
    app[method](expressPath(path), exchanging(ctx, open({ headers, route: path }), answer));
    methodsOf.set(path, [...(methodsOf.get(path) ?? []), method]);
  }
  for (const [path, methods] of methodsOf) {
    app.all(
      expressPath(path),
      exchanging(ctx, open({ headers: forData, route: path }), otherMethod(methods)),
    );
  }
  const openNowhere = open({ headers: forData, route: 'none' });
  app.use(exchanging(ctx, openNowhere, noSuchPath));
  return app.use(refusal(ctx, openNowhere));
}

/** OpenAPI's `/jobs/{id}` as Express writes it. */
const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Admission identifies the sender before a handler looks at the request. */
const admitting =
  (handle: Handle): Handle =>
  async (exchange, ctx) => {
    await ctx.admission.admit(exchange);
    await handle(exchange, ctx);
  };

type OpenExchange = (request: Request, response: Response) => Exchange;

/** Makes the exchanges of a route, each of which is recorded when it is over. */
function exchangeOpener(ctx: ApiContext): (defaults: ExchangeDefaults) => OpenExchange {
  const settings: ExchangeSettings = {
    bodyLimits: { limitBytes: ctx.config.bodyLimitBytes, timeoutMs: ctx.limits.bodyMs },
    draining: ctx.draining,
  };
  return (defaults) => (request, response) => {
    const exchange = new Exchange(request, response, defaults, settings);
    recordExchange(ctx, exchange);
    return exchange;
  };
}

function exchanging(ctx: ApiContext, open: OpenExchange, handle: Handle): RequestHandler {
  return async (request, response) => {
    const exchange = open(request, response);
    try {
      checkHost(request, ctx.config.listen.isLoopbackOnly);
      await handle(exchange, ctx);
    } catch (error) {
      answerError(exchange, error, ctx.log);
    }
  };
}

/** Answers an error of Express itself, before any route is reached: a path that cannot be decoded. */
function refusal({ log }: ApiContext, open: OpenExchange): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const problem =
      error instanceof URIError ? new ProblemError('not-found', 'the path cannot be decoded') : error;
    answerError(open(request, response), problem, log);
  };
}
