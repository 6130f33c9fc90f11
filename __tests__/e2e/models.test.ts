import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from '../support/latch.js';
import { waggle } from '../support/run-program.js';
import { type Service, startService } from '../support/service.js';

const GREENHOUSE = resolve(__dirname, '../fixtures/models/greenhouse');
const MODEL = 'imported';
/** Minutes that each version adds to a mile a minute: its answers tell which one made them. */
const INTERCEPTS: Record<string, number> = { '1.0.0': 5, '1.0.1': 20 };

let modelsDir: string;
let service: Service;
beforeAll(async () => {
  modelsDir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  cpSync(GREENHOUSE, join(modelsDir, 'greenhouse'), { recursive: true });
  await importVersion('1.0.0', join(modelsDir, MODEL));
  service = await startService({ MODELS_DIR: modelsDir, DEFAULT_MODEL: MODEL });
}, 120_000);
afterAll(async () => {
  await service.stop();
  rmSync(modelsDir, { recursive: true });
}, 30_000);

interface Job {
  status: string;
  model_version: string;
  input: { trip_distance: number };
  result: Record<string, number>;
}

/** `waggle import-linear` of a model that answers its intercept plus the distance. */
async function importVersion(version: string, folder: string): Promise<void> {
  const file = join(modelsDir, `${version}.json`);
  writeFileSync(file, JSON.stringify({ intercept: INTERCEPTS[version], coefficients: { trip_distance: 1 } }));
  const { code, stderr } = await waggle([
    'import-linear',
    file,
    '--name',
    MODEL,
    '--model-version',
    version,
    '--out',
    folder,
  ]);
  if (code !== 0) throw new Error(stderr);
}

async function predict(body: object): Promise<Job> {
  const response = await fetch(`${service.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    body: JSON.stringify(body),
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Job;
}

const get = async (path: string): Promise<unknown> => (await fetch(service.url + path)).json();

it('serves a model of other inputs, types and format by dropping its folder in', async () => {
  const job = await predict({
    model: 'greenhouse',
    input: { temperature: 20, humidity: 0.5, season: 'summer', vent_open: true },
  });
  expect(job).toMatchObject({ status: 'succeeded', model_version: '2.1.0' });
  expect(Object.keys(job.result)).toEqual(['water', 'mildew_risk']);
  expect(await get('/models/greenhouse')).toMatchObject({ workers: [{ engine: 'wasm' }] });
  expect(await get('/openapi.json')).toHaveProperty([
    'components',
    'schemas',
    'greenhouse.input',
    'properties',
    'season',
  ]);
  const refused = await fetch(`${service.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'greenhouse', input: { temperature: 99, humidity: 0.5 } }),
  });
  expect(refused.status).toBe(422);
});

it('swaps the version of a model under load: no job lost, no error, every answer from the version it names', async () => {
  const jobs: Job[] = [];
  const enough = new AbortController();
  const lane = async (): Promise<void> => {
    while (!enough.signal.aborted) {
      jobs.push(
        await predict({ input: { PULocationID: 1, DOLocationID: 2, trip_distance: jobs.length % 90 } }),
      );
    }
  };
  const lanes = Promise.all(Array.from({ length: 32 }, lane));
  await until(() => jobs.length > 200, { what: 'load' });

  const staged = join(modelsDir, 'staged');
  await importVersion('1.0.1', staged);
  // The weights first, the manifest that names them last: a reload in between would find the old version whole.
  const files = readdirSync(staged).toSorted(
    (a, b) => Number(a === 'manifest.json') - Number(b === 'manifest.json'),
  );
  for (const file of files) renameSync(join(staged, file), join(modelsDir, MODEL, file));
  rmSync(staged, { recursive: true });
  process.kill(service.pid, 'SIGHUP');
  await until(() => jobs.some((job) => job.model_version === '1.0.1'), {
    timeoutMs: 60_000,
    what: 'the new version',
  });
  const atSwap = jobs.length;
  await until(() => jobs.length > atSwap + 200, { what: 'load on the new version' });
  enough.abort();
  await lanes;

  expect(new Set(jobs.map((job) => job.model_version))).toEqual(new Set(['1.0.0', '1.0.1']));
  const wrong = jobs.filter(({ status, model_version: version, input, result }) => {
    const expected = Math.max(1, (INTERCEPTS[version] ?? Number.NaN) + input.trip_distance);
    return status !== 'succeeded' || !(Math.abs((result['duration'] ?? Number.NaN) - expected) < 1e-3);
  });
  expect(wrong).toEqual([]);
}, 120_000);
