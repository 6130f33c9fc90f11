import { createHash } from 'node:crypto';
import type { ApiConfig } from '../config.js';
import { matchesEtag } from '../http/request-headers.js';
import type { Route } from './route.js';
import type { ServedModels } from '../models/served-models.js';
import { describeService } from '../openapi/document.js';

/** `GET /openapi.json`: the document of `routes`. It is made once for every set of models. */
export function openApiRoute(routes: readonly Route[]): Route {
  let made: { models: ServedModels; text: string; etag: string } | undefined;
  const documentOf = (
    models: ServedModels,
    { service, admission }: ApiConfig,
  ): { text: string; etag: string } => {
    if (made?.models !== models) {
      const text = JSON.stringify(
        describeService(routes, models, { title: service.name, hasKeys: admission.keys !== undefined }),
      );
      made = {
        models,
        text,
        etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`,
      };
    }
    return made;
  };
  return {
    method: 'get',
    path: '/openapi.json',
    isPublic: true,
    handle(exchange, ctx) {
      const { text, etag } = documentOf(ctx.models.current, ctx.config);
      const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
      if (matchesEtag(exchange.header('if-none-match'), etag)) exchange.send(304, undefined, headers);
      else exchange.send(200, text, { 'Content-Type': 'application/json', ...headers });
    },
  };
}
