import { createHash } from 'node:crypto';
import type { ApiConfig } from '../config.js';
import { matchesEtag } from '../http/conditional.js';
import type { Route } from '../http/route.js';
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
    handle(x) {
      const { text, etag } = documentOf(x.ctx.models.current, x.ctx.config);
      const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
      if (matchesEtag(x.header('if-none-match'), etag)) x.send(304, undefined, headers);
      else x.send(200, text, { 'Content-Type': 'application/json', ...headers });
    },
  };
}
