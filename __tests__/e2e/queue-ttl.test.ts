import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeModel } from '../support/rigs/models-folder.js';
import { useRedis } from '../support/rigs/use-redis.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { openWorkerRig } from '../support/rigs/worker-rig.js';

const MODEL = 'trip-duration-linear';
const TRIP = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };

// Processes take a moment to start, and longer on a machine that is busy.
jest.setTimeout(120_000);

const redis = useRedis();
let modelsDir: string;
beforeAll(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  symlinkSync(resolve(__dirname, '../../model', MODEL), join(modelsDir, MODEL));
});
afterAll(() => rmSync(modelsDir, { recursive: true }));

describe('without a worker', () => {
  const apis: Program[] = [];
  const env = (queueTtlMs: number): Record<string, string> => ({
    REDIS_URL: redis.url,
    KEY_PREFIX: 'late:',
    MODELS_DIR: modelsDir,
    DEFAULT_MODEL: MODEL,
    QUEUE_TTL_MS: String(queueTtlMs),
    REDIS_TIMEOUT_MS: '20000',
  });
  async function serve(queueTtlMs: number) {
    const api = startProgram('api', env(queueTtlMs));
    apis.push(api);
    const url = `http://127.0.0.1:${await api.ready()}`;
    const call = async (path: string, body?: object): Promise<Record<string, unknown>> => {
      const headers = { 'content-type': 'application/json' };
      const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : {};
      return (await (await fetch(url + path, init)).json()) as Record<string, unknown>;
    };
    return { api, url, call };
  }
  afterAll(async () => {
    for (const api of apis) api.signal('SIGKILL');
    await Promise.all(apis.map(({ ended }) => ended));
  });

  it('ends what waits longer than QUEUE_TTL_MS: jobs, rows of batches, and jobs of a model that is gone', async () => {
    writeModel(modelsDir, 'shop', '1.0.0');
    const before = await serve(3_000);
    const orphan = await before.call('/jobs', { model: 'shop', input: { size: 's' } });
    await before.api.stop();
    rmSync(join(modelsDir, 'shop'), { recursive: true });

    const { call, url } = await serve(1_000);
    const day = 86_400_000;
    const jobs = [
      orphan,
      await call('/jobs', { input: TRIP }),
      await call('/jobs', { input: TRIP, expires_in_ms: 7 * day }),
    ];
    expect(jobs.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued']);
    const { created_at: created, queue_expires_at: expires } = jobs[2] as Record<string, string>;
    expect(Date.parse(expires ?? '') - Date.parse(created ?? '')).toBe(1_000);
    const batch = await call('/batches', { inputs: [TRIP, TRIP] });

    for (const { id } of jobs) {
      const path = `/jobs/${String(id)}`;
      const ended = await until(async () => {
        const job = await call(path);
        return job['status'] !== 'queued' && job;
      });
      expect(ended).toMatchObject({ status: 'expired', attempts: 0 });
    }
    const path = `/batches/${String(batch['id'])}`;
    const failed = await until(async () => {
      const found = await call(path);
      return found['status'] !== 'queued' && found;
    });
    expect(failed).toMatchObject({ status: 'failed', rows: { total: 2, failed: 2 }, progress: 1 });
    const rows = (await (await fetch(`${url}${path}/results`)).text()).trim().split('\n');
    expect(rows.map((row) => JSON.parse(row) as unknown)).toMatchObject([
      { row: 0, error: { code: 'expired', message: expect.stringContaining('QUEUE_TTL_MS') as string } },
      { row: 1, error: { code: 'expired' } },
    ]);
  });
});

it('never runs what waited too long, also where no API was there to sweep; a job given back counts too', async () => {
  const rig = await openWorkerRig(redis);
  try {
    const ids = [
      await rig.order('answer', 1, { queueTtlMs: 1 }),
      await rig.order('answer', 2, { queueTtlMs: 2_000 }),
    ];
    const [job] = await rig.claim(1, 60_000, { queue: 'faulty' });
    expect(job?.id).toBe(ids[1]);
    await until(() => job && rig.redis.nowMs() > job.record.lateMs);
    await rig.leases.release(job ? [job] : []);
    await rig.start();
    const ends = await rig.allEnd(ids);
    expect(ends.map(({ state, attempts }) => ({ state, attempts }))).toEqual([
      { state: 'expired', attempts: 0 },
      { state: 'expired', attempts: 0 },
    ]);
  } finally {
    await rig.close();
  }
});
