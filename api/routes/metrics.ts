import type { Route } from './route.js';

/** `GET /metrics`: for Prometheus. */
export const metricsRoute: Route = {
  method: 'get',
  path: '/metrics',
  operation: {
    id: 'getMetrics',
    tag: 'service',
    summary: 'Figures for Prometheus',
    description: 'Those of this process, and those of the store, which all processes give alike.',
    parameters: ['RequestIdHeader'],
    answers: {
      200: {
        description: 'Prometheus text. While the store does not answer, what only it knows is left out.',
        content: { 'text/plain; version=0.0.4; charset=utf-8': { type: 'string' } },
      },
    },
  },
  async handle(exchange, ctx) {
    const { metrics } = ctx;
    exchange.send(200, await metrics.scrape(), { 'Content-Type': metrics.contentType });
  },
};
