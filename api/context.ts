import { randomBytes } from 'node:crypto';
import { messageOf } from '../shared/errors.js';
import { openPartitions } from '../shared/records/open-partitions.js';
import type { Logger } from '../shared/log/logger.js';
import type { ReleaseStack } from '../shared/process/release-stack.js';
import { sparingly } from '../shared/process/sparingly.js';
import { openTracer } from '../shared/tracing/open-tracer.js';
import type { Tracer } from '../shared/tracing/tracer.js';
import { Admission } from './admission/admission.js';
import { RateLimits } from './admission/rate-limits.js';
import { type ApiConfig, readKeysFile } from './config.js';
import { EventStreams } from './waiting/event-streams.js';
import { CompletionRates } from './jobs/completion-rates.js';
import { ApiMetrics } from './telemetry/metrics.js';
import { ModelRegistry, tellRefused } from './models/model-registry.js';
import { Serving } from './models/serving.js';
import { CLIENT_LIMITS, type ClientLimits } from './limits.js';
import { Partitions } from './partitions.js';
import { createRedisDeadline, type RedisDeadline } from './redis-deadline.js';
import { ListTurns } from './admission/list-turns.js';
import { StatsFeed } from './stats/stats-feed.js';
import { StatsSource } from './stats/stats-source.js';
import { Waiters } from './waiting/waiters.js';

/** The objects that the parts of one API process share. None outlives the process: records are in Redis. */
export interface ApiContext {
  config: Readonly<ApiConfig>;
  /** Bounds of what clients may take. */
  limits: Readonly<ClientLimits>;
  log: Logger;
  models: ModelRegistry;
  partitions: Partitions;
  rates: CompletionRates;
  /** Tells which models the workers can serve. */
  serving: Serving;
  /** Requests that wait for the end of a job or a batch. */
  waiters: Waiters;
  /** Name of the channel on which commits send this process the outcomes of jobs that it waits for. */
  replyTo: string;
  admission: Admission;
  /** Event streams that follow every change of a job. */
  followers: Waiters;
  streams: EventStreams;
  stats: StatsSource;
  statsFeed: StatsFeed;
  metrics: ApiMetrics;
  tracer: Tracer;
  /** Turns of the callers to walk over the indexes. */
  listTurns: ListTurns;
  /** Around every Redis call that a request waits for. */
  withinDeadline: RedisDeadline;
  /** Aborted when the process has been told to stop. */
  draining: AbortSignal;
}

/** Opens everything; `release` closes it. Waits for Redis until `draining` is aborted. */
export async function openApiContext(
  config: Readonly<ApiConfig>,
  {
    log,
    release,
    draining,
    limits = CLIENT_LIMITS,
  }: { log: Logger; release: ReleaseStack; draining: AbortSignal; limits?: Readonly<ClientLimits> },
): Promise<ApiContext> {
  const { address, keyPrefix, timeoutMs, acks } = config.redis;
  // The tracer is opened first, so that it is closed last.
  const tracer = await openTracer('waggle-api', { tracing: config.tracing, log });
  release.later('traces', () => tracer.close());
  const models = new ModelRegistry(config.models.dir, config.models.defaultName, config.jobs.most);
  tellRefused(models.current, log);
  const onError = sparingly(SAY_AGAIN_MS, (error: string) =>
    log.warn('redis connection lost or not made', { error }),
  );
  const opened = await openPartitions(config.redis.partitions, {
    redis: { address, onError, signal: draining },
    keyPrefix,
    release,
    acks,
  });
  const partitions = new Partitions(opened, { timeoutMs: timeoutMs / 2, keepInput: config.jobs.keepInput });
  const { keys, rateLimit } = config.admission;
  const waiters = new Waiters(limits.waits);
  const replyTo = randomBytes(9).toString('base64url');
  const followers = new Waiters(limits.streams);
  const streams = new EventStreams(limits.streams);
  const changed = (announcement: string): void => followers.wake(announcement);
  for (const { records, subscriber } of opened) {
    await subscriber.subscribe(records.key('ended'), (announcement) => {
      waiters.wake(announcement);
      changed(announcement);
    });
    await subscriber.subscribe(records.key(`ended:${replyTo}`), (message) => waiters.tell(message));
    for (const channel of ['started', 'canceling']) await subscriber.subscribe(records.key(channel), changed);
  }
  draining.addEventListener(
    'abort',
    () => {
      waiters.drain(config.graceMs / 2);
      followers.close();
      streams.close();
    },
    { once: true },
  );
  const withinDeadline = createRedisDeadline(timeoutMs, (error) => metrics.redisFailed(error));
  const metrics = new ApiMetrics({
    partitions,
    models,
    withinDeadline,
    waiting: () => waiters.size,
    streaming: () => streams.size,
  });
  const stats = new StatsSource(partitions, models);
  const rateLimits = rateLimit && new RateLimits(rateLimit, { partitions, withinDeadline });
  for (const { name, isWeak } of keys ?? []) {
    if (isWeak) log.warn('API key with a short secret: use 16 characters or more', { key: name });
  }
  return {
    config,
    limits,
    log,
    models,
    partitions,
    rates: new CompletionRates(partitions),
    serving: new Serving(partitions, models),
    waiters,
    replyTo,
    admission: new Admission(keys, rateLimits),
    followers,
    streams,
    stats,
    statsFeed: new StatsFeed(stats, { withinDeadline, log }),
    metrics,
    tracer,
    listTurns: new ListTurns(withinDeadline),
    withinDeadline,
    draining,
  };
}

/** Reads the packages again, and the keys where they stand in a file. What cannot be read stays as it was. */
export function reload({ config, models, admission, log }: ApiContext): void {
  models.reload(log);
  const { keysFile } = config.admission;
  if (keysFile === undefined) return;
  try {
    const keys = readKeysFile(keysFile);
    admission.replaceKeys(keys);
    log.info('API keys reloaded', { keys: keys.length });
  } catch (error) {
    log.error('API keys not reloaded: the ones read before stay', { error: messageOf(error) });
  }
}

/** A lost connection is tried several times a second: fewer lines will do. */
const SAY_AGAIN_MS = 10_000;
