import { readQuery, readText, readWhole } from '../http/query.js';
import type { Route } from './route.js';
import { modelNamed } from '../models/served-models.js';
import { json, problems } from '../openapi/operation.js';
import { HISTORY_MINUTES } from '../../shared/stats/stats-store.js';

/** Minutes of history that come when nothing else is asked for. */
const MINUTES_UNLESS_GIVEN = 60;

/** `GET /stats`: what waits, runs and has ended. */
export const statsRoute: Route = {
  method: 'get',
  path: '/stats',
  operation: {
    id: 'getStats',
    tag: 'service',
    summary: 'What waits, runs and has ended',
    description: 'The figures and the history that the dashboard draws. Of all callers together.',
    parameters: ['HistoryMinutes', 'HistoryModel', 'RequestIdHeader'],
    answers: {
      200: json('Stats', 'The figures now.'),
      ...problems('validation-failed', 'model-not-found', 'redis-unavailable'),
    },
  },
  async handle(exchange, ctx) {
    const { minutes = MINUTES_UNLESS_GIVEN, model } = readQuery<{ minutes: number; model: string }>(
      exchange.query(),
      {
        minutes: readWhole(1, HISTORY_MINUTES),
        model: readText(200),
      },
    );
    if (model !== undefined) modelNamed(ctx.models.current, model);
    exchange.sendJson(
      200,
      await ctx.withinDeadline('reading the figures', () => ctx.stats.read({ model, minutes })),
    );
  },
};

/** `GET /stats/demand`: for autoscalers. */
export const demandRoute: Route = {
  method: 'get',
  path: '/stats/demand',
  operation: {
    id: 'getDemand',
    tag: 'service',
    summary: 'The work that waits for workers, and that they have',
    description: 'Two numbers for an autoscaler. Of all callers together, of one model or of all.',
    parameters: ['HistoryModel', 'RequestIdHeader'],
    answers: {
      200: json('Demand', 'The demand now.'),
      ...problems('validation-failed', 'model-not-found', 'redis-unavailable'),
    },
  },
  async handle(exchange, ctx) {
    const { model } = readQuery<{ model: string }>(exchange.query(), { model: readText(200) });
    if (model !== undefined) modelNamed(ctx.models.current, model);
    exchange.sendJson(200, await ctx.withinDeadline('reading the demand', () => ctx.stats.demand(model)));
  },
};

/** `GET /stats/stream`: the same, once a second. */
export const statsStreamRoute: Route = {
  method: 'get',
  path: '/stats/stream',
  operation: {
    id: 'followStats',
    tag: 'service',
    summary: 'The figures, once a second',
    description:
      'Server-sent events: `event: stats` with the body of `GET /stats` and the last two minutes of its history as ' +
      'data, or `event: problem` with a problem while the store does not answer.',
    parameters: ['RequestIdHeader'],
    answers: {
      200: { description: 'The stream.', content: { 'text/event-stream': { type: 'string' } } },
      ...problems('too-many-streams', 'streams-full', 'draining'),
    },
  },
  async handle(exchange, ctx) {
    const { streams, statsFeed } = ctx;
    const stream = streams.open(exchange);
    exchange.response.once('close', () => statsFeed.leave(stream));
    await statsFeed.follow(stream);
  },
};
