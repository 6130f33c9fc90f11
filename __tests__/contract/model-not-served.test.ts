import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announceWorker } from '../../shared/workers/registry.js';
import { keepingLog } from '../support/keeping-log.js';
import { until } from '../support/latch.js';
import { FIXTURES } from '../support/paths.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';
import { type ApiRig, openApiRig } from '../support/rigs/api-rig.js';
import { useRedis } from '../support/rigs/use-redis.js';

// Processes take a moment to start, and longer on a machine that is busy.
jest.setTimeout(60_000);

const SUMMER = { temperature: 20, humidity: 0.5 };
const GREENHOUSE = { model: 'greenhouse', input: SUMMER };
const FAULTY = { model: 'faulty', input: { act: 'answer', value: 1 } };
const REASON =
  'model.json: - #/weightsManifest/0: weights.bin hold 60 bytes, its weights take 56: 4 too many';

const server = useRedis();
let modelsDir: string;
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  for (const name of ['faulty', 'greenhouse']) {
    cpSync(join(FIXTURES, name), join(modelsDir, name), { recursive: true });
  }
});
afterEach(() => rmSync(modelsDir, { recursive: true }));

describe('a model that no worker serves', () => {
  let api: ApiRig;
  afterEach(() => api.close());
  const workers = useWorkerRig({ server });
  beforeEach(async () => {
    api = await openApiRig(server, {
      env: {
        KEY_PREFIX: workers.keyPrefix,
        MODELS_DIR: modelsDir,
        DEFAULT_MODEL: 'greenhouse',
        REDIS_TIMEOUT_MS: '20000',
      },
    });
  });

  /** Resolves when a submission is answered so. */
  const isAnswered = (status: number) =>
    until(async () => {
      const response = await api.submit(GREENHOUSE);
      return response.status === status && response;
    });

  const check = async (name: string): Promise<unknown> =>
    (await api.call('get', '/health/ready')).body.checks[name];

  it('accepts without a worker, refuses what every worker refused and says why, and accepts again once it is mended', async () => {
    const key = { 'idempotency-key': 'first' };
    const first = await api.submit(GREENHOUSE, key);
    expect([first.status, (await api.call('get', '/models/greenhouse')).body.held_up]).toEqual([
      202,
      'no worker is there',
    ]);
    const canceled = (await api.submit(GREENHOUSE)).body.id as string;
    await api.call('delete', `/jobs/${canceled}`);

    const weights = join(modelsDir, 'greenhouse', 'weights.bin');
    appendFileSync(weights, 'more');
    const worker = await workers.start({ modelsDir, models: undefined });
    const { body, headers } = await isAnswered(503);
    expect(body).toMatchObject({
      type: '/problems/model-not-served',
      detail: `greenhouse: refused by 1 worker: model package greenhouse/${REASON}`,
    });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    const others = [
      await api.call('post', '/batches', { body: { inputs: [SUMMER] } }),
      await api.call('post', `/jobs/${canceled}/replay`),
      await api.call('post', '/v1/trip/predict', { body: { request_id: 'r', ...SUMMER } }),
    ];
    expect(others.map((answer) => [answer.status, answer.body.type as string])).toEqual(
      others.map(() => [503, '/problems/model-not-served']),
    );
    // What a key has made is there as ever, and so are other models.
    const again = await api.submit(GREENHOUSE, key);
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
    expect((await api.submit(FAULTY, { prefer: 'wait=20' })).body).toMatchObject({ status: 'succeeded' });
    // Of many jobs those of the model have the problem, and the request has it where that is all of them.
    const mixed = { jobs: [GREENHOUSE, FAULTY] };
    const whole = { 'idempotency-key': 'whole' };
    const firstMixed = await api.submit(mixed, whole);
    expect([firstMixed.status, firstMixed.body.jobs]).toMatchObject([
      202,
      [{ status: 503, type: '/problems/model-not-served', detail: body.detail }, { model: 'faulty' }],
    ]);
    const none = await api.submit({ jobs: [GREENHOUSE, { model: 'nowhere' }] });
    expect([none.status, none.body.type, none.headers['retry-after']]).toEqual([503, body.type, '5']);

    expect((await api.call('get', '/models/greenhouse')).body.held_up).toContain(REASON);
    expect((await api.call('get', '/models/faulty')).body).not.toHaveProperty('held_up');
    expect((await api.call('get', '/health/ready')).status).toBe(200);
    expect(await check('models')).toMatchObject({
      ok: false,
      required: false,
      detail: expect.stringContaining(REASON) as string,
    });
    const { models, workers: seen } = (await api.call('get', '/stats')).body;
    expect(models).toContainEqual(
      expect.objectContaining({ name: 'greenhouse', held_up: expect.stringContaining(REASON) as string }),
    );
    expect(seen).toMatchObject([{ refused: [{ name: 'greenhouse' }] }]);

    writeFileSync(weights, readFileSync(join(FIXTURES, 'greenhouse', 'weights.bin')));
    await worker.reload();
    await isAnswered(202);
    expect(await check('models')).toBeUndefined();
    // A key finds the same problems again.
    expect((await api.submit(mixed, whole)).body.jobs).toMatchObject([
      { status: 503, type: body.type, detail: expect.stringContaining('the first request') as string },
      { id: firstMixed.body.jobs[1].id },
    ]);
  });

  it('says so of workers that serve other models only, but not while one of them reads its packages', async () => {
    const worker = { id: 'w1', host: 'h', pid: 1, startedAtMs: 1, models: [] };
    await announceWorker(workers.records, worker);
    expect((await isAnswered(503)).body.detail).toBe('greenhouse: 1 worker with other models only');
    await announceWorker(workers.records, { ...worker, loading: true });
    await isAnswered(202);
    const refused = [{ name: 'greenhouse', reason: 'it is broken' }];
    await announceWorker(workers.records, { ...worker, loading: true, refused });
    expect((await isAnswered(503)).body.detail).toBe('greenhouse: refused by 1 worker: it is broken');
    // A package that this process has just read may be one that the workers are about to read.
    api.ctx.models.reload(keepingLog());
    expect((await api.submit(GREENHOUSE)).status).toBe(202);
  });

  it('asks Redis for the workers about once a second, however many jobs come', async () => {
    await announceWorker(workers.records, { id: 'w1', host: 'h', pid: 1, startedAtMs: 1, models: [] });
    const reads = async (): Promise<number> => {
      const info = String(await workers.redis.command(['INFO', 'commandstats']));
      // Each look at a worker asks how old its report is, and nothing else here does.
      return Number(/cmdstat_pttl:calls=(\d+)/.exec(info)?.[1] ?? 0);
    };
    const [before, startMs] = [await reads(), performance.now()];
    for (let many = 0; many < 10; many += 1) {
      const answers = await Promise.all(Array.from({ length: 5 }, () => api.submit(GREENHOUSE)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    }
    expect((await reads()) - before).toBeLessThanOrEqual(2 + (performance.now() - startMs) / 1_000);
  });
});

it('lists the packages that the API itself cannot use, and does not know their models', async () => {
  writeFileSync(join(modelsDir, 'faulty', 'manifest.json'), '{"schema":');
  const own = await openApiRig(server, {
    env: { MODELS_DIR: modelsDir, DEFAULT_MODEL: 'greenhouse' },
    log: keepingLog(),
  });
  try {
    expect((await own.submit(FAULTY)).body.type).toBe('/problems/model-not-found');
    const { models, refused } = (await own.call('get', '/models')).body;
    expect(models).toHaveLength(1);
    expect(refused).toEqual([
      {
        name: 'faulty',
        reason: expect.stringMatching(/^model package faulty\/manifest\.json: - .*JSON/) as string,
      },
    ]);
    expect((await own.call('get', '/health/ready')).body.checks.packages).toMatchObject({
      ok: false,
      required: false,
      detail: expect.stringContaining('faulty/manifest.json') as string,
    });
  } finally {
    await own.close();
  }
});
