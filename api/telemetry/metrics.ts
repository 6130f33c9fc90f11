import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { listOf } from '../../shared/records/records.js';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import { NotReplicatedError, type RedisUnavailableError } from '../../shared/errors.js';
import type { Depths } from '../../shared/stats/stats-store.js';
import type { ModelRegistry } from '../models/model-registry.js';
import type { Partitions } from '../partitions.js';
import type { RedisDeadline } from '../redis-deadline.js';
import type { SweepReport } from '../sweeper.js';

/** Sources of the figures: records in Redis, and requests that this process holds open. */
export interface MetricsSources {
  partitions: Partitions;
  models: ModelRegistry;
  withinDeadline: RedisDeadline;
  waiting: () => number;
  streaming: () => number;
}

/** From half a millisecond to the minute that a long poll may take, in seconds. */
const REQUEST_BUCKETS_S = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
];
const SAME_EVERYWHERE = 'Read from Redis: every API process says the same, so take the maximum over them.';

/** The metrics of one API process, and those of the queues, which every process reads alike. */
export class ApiMetrics {
  readonly #registry = new Registry();
  readonly #sources: MetricsSources;
  readonly #requests = new Histogram({
    name: 'waggle_http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer, waits included.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: REQUEST_BUCKETS_S,
    registers: [this.#registry],
  });
  readonly #redisErrors = new Counter({
    name: 'waggle_redis_errors_total',
    help: 'Redis calls of requests that failed or were too late.',
    registers: [this.#registry],
  });
  readonly #unreplicated = new Counter({
    name: 'waggle_redis_unreplicated_total',
    help: 'Requests whose write too few replicas had within REDIS_REPLICAS_ACK_MS.',
    registers: [this.#registry],
  });
  readonly #swept = new Counter({
    name: 'waggle_swept_total',
    help: 'What the sweeper of this process dealt with: reaped are lost leases, forgotten what was kept long enough.',
    labelNames: ['kind'] as const,
    registers: [this.#registry],
  });
  readonly #redisUp = this.#gauge('waggle_redis_up', 'Whether Redis answered this scrape.');
  readonly #waiters = this.#gauge('waggle_waiters', 'Long polls that this process holds.');
  readonly #streams = this.#gauge('waggle_streams', 'Event streams that this process holds.');
  readonly #running = this.#gauge('waggle_running', `Jobs and chunks that run. ${SAME_EVERYWHERE}`, [
    'partition',
  ]);
  readonly #jobsRunning = this.#gauge('waggle_jobs_running', `Jobs that run. ${SAME_EVERYWHERE}`, [
    'partition',
    'model',
  ]);
  readonly #depth = this.#gauge('waggle_queue_depth', `Jobs or chunks that wait. ${SAME_EVERYWHERE}`, [
    'partition',
    'queue',
  ]);
  readonly #oldest = this.#gauge(
    'waggle_queue_oldest_age_seconds',
    `Age of what has waited longest; 0 when nothing waits. ${SAME_EVERYWHERE}`,
    ['partition', 'queue'],
  );
  readonly #submitted = this.#counter('waggle_jobs_submitted_total', 'Jobs that were accepted.', [
    'partition',
    'model',
  ]);
  readonly #ended = this.#counter('waggle_jobs_ended_total', 'Jobs by how they ended.', [
    'partition',
    'model',
    'state',
  ]);
  readonly #workers = this.#gauge('waggle_workers', `Live workers. ${SAME_EVERYWHERE}`, [
    'model',
    'version',
    'engine',
  ]);
  readonly #partitionUp = this.#gauge(
    'waggle_partition_up',
    'Whether this partition of several answered this scrape.',
    ['partition'],
  );
  readonly #children = new Map<string, { observe(seconds: number): void }>();

  constructor(sources: MetricsSources) {
    this.#sources = sources;
  }

  readonly contentType = this.#registry.contentType;

  /** Adds what Node knows of this process: memory, CPU time, event-loop lag, garbage collection. For good. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** A request was answered. */
  answered(method: string, route: string, { status, ms }: { status: number; ms: number }): void {
    const key = `${method} ${status} ${route}`;
    // Looking a child up by its labels costs more than observing with it.
    let child = this.#children.get(key);
    if (!child) {
      child = this.#requests.labels({ method, route, status });
      this.#children.set(key, child);
    }
    child.observe(ms / 1000);
  }

  redisFailed(error: RedisUnavailableError): void {
    this.#redisErrors.inc();
    if (error instanceof NotReplicatedError) this.#unreplicated.inc();
  }

  swept(report: SweepReport): void {
    // Also what is 0: of a counter that first shows up as 1, Prometheus misses the increase.
    for (const [kind, count] of Object.entries(report)) this.#swept.inc({ kind }, count);
  }

  /** Everything as Prometheus text. While Redis is away, what it knows is left out. */
  async scrape(): Promise<string> {
    this.#waiters.set(this.#sources.waiting());
    this.#streams.set(this.#sources.streaming());
    const isUp = await this.#readRedis().then(
      () => true,
      () => false,
    );
    this.#redisUp.set(isUp ? 1 : 0);
    return this.#registry.metrics();
  }

  async #readRedis(): Promise<void> {
    const { partitions, models, withinDeadline } = this.#sources;
    for (const metric of [
      this.#running,
      this.#jobsRunning,
      this.#depth,
      this.#oldest,
      this.#submitted,
      this.#ended,
      this.#workers,
      this.#partitionUp,
    ]) {
      metric.reset();
    }
    const names = [...models.current.byName.keys()];
    const queues = names.flatMap((name) => [name, chunkQueueOf(name)]);
    const isMany = partitions.all.length > 1;
    const [{ found, missing }, workers] = await withinDeadline('reading the metrics', () =>
      Promise.all([
        partitions.readAll(async ({ index, records, stats }) => {
          const [depths, counts] = await Promise.all([
            stats.depths(queues),
            records.redis.command(['HGETALL', records.key('counts')]),
          ]);
          return {
            at: isMany ? { partition: String(index) } : {},
            depths,
            counts: listOf(counts).map(String),
          };
        }),
        partitions.workers().catch(() => []),
      ]),
    );
    for (const { at, depths, counts } of found) {
      if (isMany) this.#partitionUp.set(at, 1);
      this.#running.set(at, depths.running);
      names.forEach((model, index) =>
        this.#jobsRunning.set({ ...at, model }, depths.queues[2 * index]?.running ?? 0),
      );
      this.#setDepths(at, queues, depths);
      for (let i = 0; i + 1 < counts.length; i += 2) {
        const [model = '', state = ''] = counts[i]?.split(':') ?? [];
        const count = Number(counts[i + 1]);
        if (state === 'submitted') this.#submitted.inc({ ...at, model }, count);
        else this.#ended.inc({ ...at, model, state }, count);
      }
    }
    for (const index of missing) this.#partitionUp.set({ partition: String(index) }, 0);
    for (const { models: served } of workers) {
      for (const { name, version, engine } of served) this.#workers.inc({ model: name, version, engine });
    }
  }

  #setDepths(at: { partition?: string }, queues: readonly string[], { nowMs, queues: depths }: Depths): void {
    depths.forEach(({ waiting, oldestCreatedMs }, index) => {
      const queue = queues[index] ?? '';
      this.#depth.set({ ...at, queue }, waiting);
      this.#oldest.set({ ...at, queue }, Math.max(0, nowMs - (oldestCreatedMs ?? nowMs)) / 1000);
    });
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help: `${help} ${SAME_EVERYWHERE}`, labelNames, registers: [this.#registry] });
  }
}
