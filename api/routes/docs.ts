import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ProblemError } from '../http/problem.js';
import type { Route } from './route.js';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>API reference</title>
    <link rel="icon" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="reference"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

// Without a validator: that would send the document to another site.
const START = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

/** Files of the package that the page loads. */
const ASSETS = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);

/** `GET /docs`: Swagger UI, from this server alone. */
export const docsRoute: Route = {
  method: 'get',
  path: '/docs',
  isPublic: true,
  isPage: true,
  handle(exchange) {
    exchange.send(200, PAGE, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' });
  },
};

/** `GET /docs/{file}`: what the page loads. */
export function docsFileRoute(): Route {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return {
    method: 'get',
    path: '/docs/{file}',
    isPublic: true,
    handle(exchange) {
      const file = exchange.param('file');
      if (file === 'start.js') {
        exchange.send(200, START, {
          'Content-Type': 'text/javascript; charset=utf-8',
          'Cache-Control': 'no-cache',
        });
        return undefined;
      }
      if (!ASSETS.has(file)) throw new ProblemError('not-found', 'the reference has no such file: see /docs');
      return exchange.sendFile(join(folder, file), 'public, max-age=86400');
    },
  };
}
