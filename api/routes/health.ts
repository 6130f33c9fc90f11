import type { Check } from '../../shared/contract/health.js';
import { messageOf } from '../../shared/errors.js';
import { isReplica } from '../../shared/redis/redis.js';
import type { ApiContext } from '../context.js';
import type { Route } from './route.js';
import { standingOf } from '../models/serving.js';
import { json } from '../openapi/operation.js';

/** `GET /health`: as the original service answers. */
export const healthRoute: Route = {
  method: 'get',
  path: '/health',
  isPublic: true,
  operation: {
    id: 'getHealth',
    tag: 'original service',
    summary: 'Name and versions',
    description: 'The health check of the original service. It looks at nothing else: `/health/ready` does.',
    answers: { 200: json('Health', 'The service is up.') },
  },
  handle(exchange, ctx) {
    const { service } = ctx.config;
    exchange.sendJson(200, {
      name: service.name,
      api_version: service.apiVersion,
      model_version: service.modelVersion ?? ctx.models.current.default.manifest.version,
    });
  },
};

/** `GET /health/live`: the process answers. */
export const liveRoute: Route = {
  method: 'get',
  path: '/health/live',
  isPublic: true,
  operation: {
    id: 'getLiveness',
    tag: 'service',
    summary: 'Whether the process is up',
    description: 'For liveness probes: it asks nobody else.',
    answers: { 200: json('Probe', 'It is.') },
  },
  handle: (exchange) =>
    exchange.sendJson(200, { status: 'ok', checks: { process: { ok: true, required: true } } }),
};

/** `GET /health/ready`: whether work should be sent here. */
export const readyRoute: Route = {
  method: 'get',
  path: '/health/ready',
  isPublic: true,
  operation: {
    id: 'getReadiness',
    tag: 'service',
    summary: 'Whether work should be sent here',
    description:
      'For readiness probes and balancers: the store answers, and the process is not shutting down.',
    answers: {
      200: json('Probe', 'It should.'),
      503: json('Probe', 'It should not: the checks say why.'),
    },
  },
  async handle(exchange, ctx) {
    const { ready, checks } = await readinessOf(ctx);
    exchange.sendJson(ready ? 200 : 503, { status: ready ? 'ok' : 'unavailable', checks });
  },
};

/** Whether work should be sent to this process, and the checks that say why. */
export async function readinessOf(
  ctx: ApiContext,
): Promise<{ ready: boolean; checks: Record<string, Check> }> {
  const { manifest } = ctx.models.current.default;
  const [redis, workers] = await Promise.all([checkRedis(ctx), checkWorkers(ctx)]);
  const checks: Record<string, Check> = {
    redis,
    accepting: ctx.draining.aborted
      ? { ok: false, required: true, detail: 'the process is shutting down' }
      : { ok: true, required: true },
    model: { ok: true, required: true, detail: `${manifest.name} ${manifest.version}` },
    ...workers,
    ...troubles(
      'packages',
      ctx.models.refusals.map(({ name, reason }) => `${name}: ${reason}`),
    ),
  };
  return { ready: Object.values(checks).every(({ ok, required }) => ok || !required), checks };
}

/** One partition that takes jobs is enough; those that do not are named. */
async function checkRedis({ withinDeadline, partitions }: ApiContext): Promise<Check> {
  const troubles = await Promise.all(
    partitions.all.map(async ({ records, index }) => {
      try {
        const info = await withinDeadline('INFO', () => records.redis.command(['INFO', 'replication']));
        if (!isReplica(info)) return [];
        return [{ index, why: 'this Redis is a replica, and REDIS_URL has to lead to its master' }];
      } catch (error) {
        return [{ index, why: messageOf(error) }];
      }
    }),
  );
  const away = troubles.flat();
  if (away.length === 0) return { ok: true, required: true };
  const { length } = partitions.all;
  const detail = away.map(({ index, why }) => (length === 1 ? why : `partition ${index}: ${why}`)).join('; ');
  return { ok: away.length < length, required: true, detail };
}

/** Jobs are accepted without a worker, too: they wait for one. Other models are named where the workers have refused them. */
async function checkWorkers({
  withinDeadline,
  partitions,
  models,
}: ApiContext): Promise<Record<string, Check>> {
  const { byName, default: served } = models.current;
  const { name } = served.manifest;
  try {
    const all = await withinDeadline('reading the workers', () => partitions.workers());
    const { workers, isRefused, heldUp } = standingOf(name, all);
    const detail = `${workers} serve ${name}${isRefused ? `: ${heldUp}` : ''}`;
    const refused = [...byName.keys()].flatMap((model) => {
      const standing = standingOf(model, all);
      return standing.isRefused ? [`${model}: ${standing.heldUp}`] : [];
    });
    return {
      workers: { ok: workers > 0, required: false, detail },
      ...troubles('models', refused),
    };
  } catch (error) {
    return { workers: { ok: false, required: false, detail: messageOf(error) } };
  }
}

/** A check that is listed only when it has failed. */
const troubles = (check: string, details: readonly string[]): Record<string, Check> =>
  details.length === 0 ? {} : { [check]: { ok: false, required: false, detail: details.join('; ') } };
