import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import request, { type Response } from 'supertest';
import { createApp } from '../../api/app.js';
import { readApiConfig } from '../../api/config.js';
import { type ApiContext, openApiContext } from '../../api/context.js';
import { CLIENT_LIMITS, type ClientLimits } from '../../api/limits.js';
import { startServer } from '../../api/server.js';
import { type ClaimedJob, JobLeases, type Outcome } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import { ReleaseStack } from '../../shared/process/release-stack.js';
import { claimer } from '../support/jobs.js';
import { PATIENCE, type TestRedis, testPrefix } from '../support/redis.js';
import { type CheckResponse, responseCheckOf } from './documented.js';

export const LINEAR = 'trip-duration-linear';
export const SHOP = 'shop';
export const TRIP = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };

export type Headers = Record<string, string>;

/** A served API on a private key prefix, and a worker's hands to end its jobs with. */
export interface ApiBench {
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

/** What a test wants different. */
export interface BenchOptions {
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

export async function openApiBench(
  server: TestRedis,
  { env = {}, log = silent, limits }: BenchOptions = {},
): Promise<ApiBench> {
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

  const call: ApiBench['call'] = async (method, path, { body, headers = {} } = {}) => {
    check ??= responseCheckOf((await request(url).get('/openapi.json')).text);
    const sending = request(url)[method](path).set(headers);
    const response = await (body === undefined ? sending : sending.send(body as object));
    check(method, path, response);
    return response;
  };
  return {
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

const LEASE_MS = 30_000;

function createWorker({ records }: ApiContext): TestWorker {
  const leases = new JobLeases(records);
  const claimAll = claimer(records, leases);
  const claim = async (id: string): Promise<ClaimedJob> => {
    const [taken] = await claimAll([id], LEASE_MS);
    if (taken?.kind !== 'run') throw new Error(`job ${id} cannot be run: ${taken?.kind}`);
    return taken.job;
  };
  const end = async (id: string, outcomeOf: (job: ClaimedJob) => Outcome): Promise<void> => {
    const job = await claim(id);
    const run = { queue: LINEAR, modelVersion: '1.0.0', prepareMs: 0.1, predictMs: 0.9, batchSize: 17 };
    const [written] = await leases.commit(run, [outcomeOf(job)]);
    if (written !== 'committed') throw new Error(`the outcome of job ${id} was ${written}`);
  };
  return {
    leases,
    claim,
    succeed: (id, result = { duration: 12.9 }) => end(id, (job) => ({ ...job, ok: true, result })),
    fail: (id, code) => end(id, (job) => ({ ...job, ok: false, code, message: 'the model did not like it' })),
  };
}

/** Two packages: the real linear one, and one that shares nothing with it. */
function modelsFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  symlinkSync(resolve(__dirname, '../../model', LINEAR), join(dir, LINEAR));
  writeModel(dir, SHOP, '2.0.0');
  return dir;
}

/** Writes a package's manifest; the API reads no more of it. */
export function writeModel(dir: string, name: string, version: string): void {
  mkdirSync(join(dir, name), { recursive: true });
  const manifest = {
    schema: 1,
    name,
    version,
    title: 'Shop',
    description: 'A model that shares nothing with the other.',
    format: 'tfjs-layers',
    input: {
      type: 'object',
      properties: { size: { type: 'string', enum: ['s', 'm', 'l'] }, gift: { type: 'boolean' } },
      required: ['size'],
      additionalProperties: false,
    },
    example: { size: 'm' },
    columns: [
      { member: 'size', encoding: 'enum', tensor: 'size' },
      { member: 'gift', encoding: 'boolean', tensor: 'gift' },
    ],
    outputs: [{ member: 'price', unit: 'dollars', tensor: 'price' }],
    figures: {},
  };
  writeFileSync(join(dir, name, 'manifest.json'), JSON.stringify(manifest));
}
