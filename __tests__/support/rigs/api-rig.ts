import { rmSync } from 'node:fs';
import request, { type Response } from 'supertest';
import { createApp } from '../../../api/app.js';
import { readApiConfig } from '../../../api/config.js';
import { type ApiContext, openApiContext } from '../../../api/context.js';
import { CLIENT_LIMITS, type ClientLimits } from '../../../api/limits.js';
import { startServer } from '../../../api/server.js';
import type { ClaimedJob, Verdict } from '../../../shared/jobs/claimed-job.js';
import { JobLeases } from '../../../shared/jobs/job-leases.js';
import type { Logger } from '../../../shared/log/logger.js';
import { ReleaseStack } from '../../../shared/process/release-stack.js';
import { claimer } from './job-rig.js';
import { PATIENCE, type TestRedis, testPrefix } from '../redis.js';
import { type CheckResponse, responseCheckOf } from '../documented.js';
import { until } from '../latch.js';
import { LINEAR, modelsFolder } from './models-folder.js';
import { type RigOptions, useRig } from './use-rig.js';

export const TRIP = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };

export type Headers = Record<string, string>;

/** A served API on a private key prefix, and a {@link TestWorker} to end its jobs. */
export interface ApiRig {
  server: TestRedis;
  ctx: ApiContext;
  url: string;
  /** Sends a request and holds the answer against the served OpenAPI document. */
  call(
    method: 'get' | 'post' | 'delete',
    path: string,
    more?: { body?: unknown; headers?: Headers },
  ): Promise<Response>;
  /** `POST /jobs` */
  submit(body: unknown, headers?: Headers): Promise<Response>;
  /** `GET /jobs/{id}` */
  poll(id: string, headers?: Headers): Promise<Response>;
  worker: TestWorker;
  /** Tells the process to stop. */
  drain(): void;
  close(): Promise<void>;
}

/** Takes jobs and ends them as a worker does, without a model. */
export interface TestWorker {
  leases: JobLeases;
  claim(id: string): Promise<ClaimedJob>;
  succeed(id: string, result?: Record<string, unknown>): Promise<void>;
  fail(id: string, code: 'model_error' | 'timeout'): Promise<void>;
}

/** Settings that differ from those of most tests. */
export interface ApiRigOptions {
  env?: Record<string, string>;
  log?: Logger;
  limits?: Partial<ClientLimits>;
}

const silent: Logger = {
  error: (message, fields) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  isEnabled: () => false,
};

export async function openApiRig(
  server: TestRedis,
  { env = {}, log = silent, limits }: ApiRigOptions = {},
): Promise<ApiRig> {
  const modelsDir = modelsFolder();
  const config = readApiConfig(
    {
      REDIS_URL: server.url,
      KEY_PREFIX: testPrefix(),
      MODELS_DIR: modelsDir,
      DEFAULT_MODEL: LINEAR,
      PORT: '0',
      ...PATIENCE,
      ...env,
    },
    false,
  );
  const release = new ReleaseStack();
  const stop = new AbortController();
  release.later('models', () => rmSync(modelsDir, { recursive: true }));
  const ctx = await openApiContext(config, {
    log,
    release,
    draining: stop.signal,
    limits: { ...CLIENT_LIMITS, ...limits },
  });
  const http = await startServer(createApp(ctx), config.listen, ctx.limits);
  release.later('http', () => http.close(0));
  const url = `http://127.0.0.1:${http.port}`;
  let check: CheckResponse | undefined;

  const call: ApiRig['call'] = async (method, path, { body, headers = {} } = {}) => {
    check ??= responseCheckOf((await request(url).get('/openapi.json')).text);
    const sending = request(url)[method](path).set(headers);
    const response = await (body === undefined ? sending : sending.send(body as object));
    check(method, path, response);
    return response;
  };
  return {
    server,
    ctx,
    url,
    call,
    submit: (body, headers = {}) => call('post', '/jobs', { body, headers }),
    poll: (id, headers = {}) => call('get', `/jobs/${id}`, { headers }),
    worker: createWorker(ctx),
    drain: () => stop.abort('test'),
    async close() {
      stop.abort('test');
      await release.run(log);
    },
  };
}

/**
 * One API for all tests of the file or `describe`, since opening one takes longer than most tests. Redis is emptied before
 * each test, unless the tests are to `keep` the records of those before.
 */
export function useApiRig({
  server,
  redis,
  keep = false,
  ...options
}: ApiRigOptions & RigOptions & { keep?: boolean } = {}): ApiRig {
  const api = useRig((own) => openApiRig(own, options), { server, redis, shared: true });
  if (!keep) beforeEach(() => empty(api));
  return api;
}

/** APIs on one Redis, for tests that need several settings: one API for the same options, and Redis emptied before each test. */
export function useApiRigs(): (options?: Omit<ApiRigOptions, 'log'>) => Promise<ApiRig> {
  const opened = new Map<string, Promise<ApiRig>>();
  const all = useRig(
    async (server) => ({
      open: (options: ApiRigOptions) => openApiRig(server, options),
      async close() {
        const apis = await Promise.all(opened.values());
        await Promise.all(apis.map((api) => api.close()));
      },
    }),
    { shared: true },
  );
  beforeEach(async () => {
    const [any] = opened.values();
    if (any) await empty(await any);
  });
  return (options = {}) => {
    const key = JSON.stringify(options);
    const api = opened.get(key) ?? all.open(options);
    opened.set(key, api);
    return api;
  };
}

/** Asks again where the link to Redis has just been lost, as a test before may have wanted. */
const empty = ({ ctx }: ApiRig): Promise<unknown> =>
  until(() => ctx.partitions.home.records.redis.command(['FLUSHDB']).catch(() => undefined), {
    what: 'an empty Redis',
  });

const LEASE_MS = 30_000;

function createWorker({ partitions }: ApiContext): TestWorker {
  const { records } = partitions.home;
  const leases = new JobLeases(records);
  const claimAll = claimer(records, leases);
  const claim = async (id: string): Promise<ClaimedJob> => {
    const [job] = await claimAll([id], LEASE_MS);
    if (!job) throw new Error(`job ${id} cannot be run`);
    return job;
  };
  const end = async (id: string, verdict: Verdict): Promise<void> => {
    const job = await claim(id);
    const run = { queue: LINEAR, modelVersion: '1.0.0', prepareMs: 0.1, predictMs: 0.9, batchSize: 17 };
    const [written] = await leases.commit(run, [{ job, verdict }]);
    if (written !== 'committed') throw new Error(`the outcome of job ${id} was ${written}`);
  };
  return {
    leases,
    claim,
    succeed: (id, result = { duration: 12.9 }) => end(id, { ok: true, result }),
    fail: (id, code) => end(id, { ok: false, code, message: 'the model did not like it' }),
  };
}
