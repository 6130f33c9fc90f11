import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from '../support/latch.js';
import { waggle } from '../support/run-program.js';
import { type Service, startService } from '../support/service.js';

const GREENHOUSE = resolve(__dirname, '../fixtures/models/greenhouse');
const MODEL = 'imported';
/** Minutes that each version adds to a minute a mile: its answers tell which one made them. */
const INTERCEPTS: Record<string, number> = { '1.0.0': 5, '1.0.1': 20 };
/** Requests that wait for their job at any time. */
const IN_FLIGHT = 128;

let modelsDir: string;
let service: Service;
beforeAll(async () => {
  modelsDir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  cpSync(GREENHOUSE, join(modelsDir, 'greenhouse'), { recursive: true });
  const manifest = join(modelsDir, 'greenhouse/manifest.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"figures"', '"max_batch": 3, "figures"'));
  await importVersion('1.0.0');
  // Hundreds of requests at once, on a machine that runs other tests: slow is no error here.
  const patient = { LEASE_MS: '60000', TF_ENGINE: 'wasm' };
  service = await startService({ MODELS_DIR: modelsDir, DEFAULT_MODEL: MODEL, ...patient });
});
afterAll(async () => {
  await service.stop();
  rmSync(modelsDir, { recursive: true });
});

interface Job {
  status: string;
  model_version: string;
  input: { trip_distance: number };
  result: Record<string, number>;
  finished_at: string;
}

/** `waggle import-linear` of a model that answers its intercept plus the distance, over the package that is there. */
async function importVersion(version: string): Promise<void> {
  const file = join(modelsDir, `${version}.json`);
  writeFileSync(file, JSON.stringify({ intercept: INTERCEPTS[version], coefficients: { trip_distance: 1 } }));
  const args = ['import-linear', file, '--name', MODEL, '--model-version', version];
  const { code, stderr } = await waggle([...args, '--models-dir', modelsDir]);
  if (code !== 0) throw new Error(stderr);
}

const post = (body: object): Promise<Response> =>
  fetch(`${service.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    body: JSON.stringify(body),
  });

async function predict(body: object): Promise<Job> {
  const response = await post(body);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Job;
}

const get = async (path: string): Promise<unknown> => (await fetch(service.url + path)).json();
const trip = (miles: number) => ({ PULocationID: 1, DOLocationID: 2, trip_distance: miles });
const SUMMER = { temperature: 20, humidity: 0.5, season: 'summer', vent_open: true };

it('serves a model of other inputs, types and format beside the trips, from its folder alone', async () => {
  const [job, other] = await Promise.all([
    predict({ model: 'greenhouse', input: SUMMER }),
    predict({ input: trip(3) }),
  ]);
  // Worked out by hand in the tests of the model runtime.
  const result = { water: 2.25, mildew_risk: 0.1824 };
  expect(job).toMatchObject({ status: 'succeeded', model_version: '2.1.0', result });
  expect(other).toMatchObject({ status: 'succeeded', model_version: '1.0.0', result: { duration: 8 } });
  expect((await post({ model: 'greenhouse', input: { ...SUMMER, temperature: 99 } })).status).toBe(422);
});

it('runs no more jobs at once than max_batch of the model says', async () => {
  const entry = { model: 'greenhouse', input: SUMMER };
  const { jobs } = (await (await post({ jobs: Array.from({ length: 64 }, () => entry) })).json()) as {
    jobs: { status: string; timings: { batch_size: number } }[];
  };
  expect(new Set(jobs.map(({ status }) => status))).toEqual(new Set(['succeeded']));
  expect(Math.max(...jobs.map(({ timings }) => timings.batch_size))).toBe(3);
});

it('describes both in /models and in /openapi.json', async () => {
  const manifest = JSON.parse(readFileSync(join(GREENHOUSE, 'manifest.json'), 'utf8')) as { input: object };
  expect(await get('/models')).toMatchObject({
    models: [
      { name: 'greenhouse', default: false, outputs: [{ member: 'water', unit: 'litres' }, { unit: '1' }] },
      { name: MODEL, default: true, outputs: [{ member: 'duration', unit: 'minutes' }] },
    ],
  });
  expect(await get('/models/greenhouse')).toMatchObject({
    input: manifest.input,
    workers: [{ version: '2.1.0' }],
  });
  expect(await get('/openapi.json')).toMatchObject({
    components: { schemas: { 'greenhouse.input': manifest.input, [`${MODEL}.input`]: { type: 'object' } } },
  });
});

it('swaps the version of a model under load: no job lost, no error, every answer from the version it names', async () => {
  const jobs: Job[] = [];
  let submitted = 0;
  const enough = new AbortController();
  const lane = async (): Promise<void> => {
    while (!enough.signal.aborted) jobs.push(await predict({ input: trip(submitted++ % 90) }));
  };
  const lanes = Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  await until(() => jobs.length > IN_FLIGHT, { what: 'load' });

  await importVersion('1.0.1');
  process.kill(service.pid, 'SIGHUP');
  const isNew = (job: Job): boolean => job.model_version === '1.0.1';
  await until(() => jobs.some(isNew), { timeoutMs: 60_000, what: 'the new version' });
  const atSwap = jobs.length;
  await until(() => jobs.length > atSwap + 2 * IN_FLIGHT, { what: 'load on the new version' });
  enough.abort();
  await lanes;

  expect(jobs).toHaveLength(submitted);
  const wrong = jobs.filter(({ status, model_version: version, input, result }) => {
    const expected = Math.max(1, (INTERCEPTS[version] ?? Number.NaN) + input.trip_distance);
    return status !== 'succeeded' || !(Math.abs((result['duration'] ?? Number.NaN) - expected) < 1e-3);
  });
  expect(wrong).toEqual([]);
  const endOf = (some: readonly Job[]) => some.map((job) => Date.parse(job.finished_at));
  const [old, fresh] = [endOf(jobs.filter((job) => !isNew(job))), endOf(jobs.filter(isNew))];
  expect(Math.max(...old)).toBeLessThanOrEqual(Math.min(...fresh));
  expect(await get(`/models/${MODEL}`)).toMatchObject({ version: '1.0.1', workers: [{ version: '1.0.1' }] });
});

it('serves a folder that is dropped in while it runs, once it is told', async () => {
  const folder = join(modelsDir, 'glasshouse');
  cpSync(GREENHOUSE, folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"greenhouse"', '"glasshouse"'));
  process.kill(service.pid, 'SIGHUP');
  await until(async () => (await fetch(`${service.url}/models/glasshouse`)).ok, { what: 'the new model' });
  expect(await predict({ model: 'glasshouse', input: SUMMER })).toMatchObject({ result: { water: 2.25 } });
});
