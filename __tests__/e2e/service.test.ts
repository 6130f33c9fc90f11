import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadModelRuntime, type ModelRuntime } from '../../worker/inference/child/model-runtime.js';
import { until } from '../support/latch.js';
import { type Service, startService } from '../support/service.js';

// The original service's model answers here, so that its own checks hold to the digit.
const MODEL = 'trip-duration-linear';
const FOLDER = resolve(__dirname, '../../model', MODEL);
/** What the original service answers for its example trip. */
const ORIGINAL_MINUTES = 12.785509620119132;
const EXAMPLE = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };

let service: Service;
beforeAll(async () => {
  service = await startService({ DEFAULT_MODEL: MODEL, LEASE_MS: '2000' });
});
afterAll(() => service.stop(), 30_000);

interface Job {
  id: string;
  status: string;
  input: Record<string, number>;
  result?: { duration: number };
  attempts: number;
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(service.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

const get = async <T>(path: string, headers: Record<string, string> = {}): Promise<T> =>
  (await fetch(service.url + path, { headers })).json() as Promise<T>;

/** Trips spread over zones and distances, the same every time. */
const trip = (i: number) => ({
  PULocationID: 1 + ((i * 37) % 265),
  DOLocationID: 1 + ((i * 101) % 265),
  trip_distance: (i % 300) / 10,
});

/** Runs `count` calls, so many at a time. */
async function fanOut(count: number, atATime: number, call: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await call(i);
  };
  await Promise.all(Array.from({ length: atATime }, lane));
}

describe('the checks of the original service', () => {
  it('says the same of its health, member by member', async () => {
    const manifest = JSON.parse(readFileSync(`${FOLDER}/manifest.json`, 'utf8')) as { version: string };
    expect(await get('/health')).toEqual({
      name: 'TRIP DURATION MODEL PREDICTION API',
      api_version: 'v1',
      model_version: manifest.version,
    });
  });

  it('predicts the same minutes for the same trip', async () => {
    const response = await post('/v1/trip/predict', { request_id: '99999', ...EXAMPLE });
    expect(response.status).toBe(200);
    const { reply_code: code, duration } = (await response.json()) as {
      reply_code: number;
      duration: number;
    };
    expect(code).toBe(0);
    expect(Math.abs(duration / ORIGINAL_MINUTES - 1)).toBeLessThan(1e-3);
  });

  it('refuses a call without request_id with 400', async () => {
    expect((await post('/v1/trip/predict', EXAMPLE)).status).toBe(400);
  });
});

it('accepts a job with 202, Location and Retry-After, and lets it be polled to its end', async () => {
  const accepted = await post('/jobs', { input: EXAMPLE });
  expect(accepted.status).toBe(202);
  expect(accepted.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
  const location = accepted.headers.get('location') ?? '';
  const job = await until(async () => {
    const polled = await get<Job>(location);
    return polled.status === 'succeeded' && polled;
  });
  expect(job.result?.duration).toBeCloseTo(12.77, 2);
});

it('runs 1,200 jobs sent 64 at a time, each to the answer of the model itself', async () => {
  const requestId = 'twelve-hundred';
  const jobs: Job[] = [];
  await fanOut(1_200, 64, async (i) => {
    const response = await post('/jobs', { input: trip(i), request_id: requestId }, { prefer: 'wait=30' });
    jobs.push((await response.json()) as Job);
  });
  expect(new Set(jobs.map((job) => job.id)).size).toBe(1_200);
  expect(jobs.filter((job) => job.status !== 'succeeded')).toEqual([]);
  const runtime = await loadModelRuntime(FOLDER);
  const expected = await answersOf(
    runtime,
    jobs.map((job) => job.input),
  );
  runtime.dispose();
  const off = jobs.filter(
    (job, i) => !(Math.abs((job.result?.duration ?? Number.NaN) - (expected[i] ?? 0)) <= 1e-4),
  );
  expect(off).toEqual([]);
  expect(await countListed(`status=succeeded&request_id=${requestId}`)).toBe(1_200);
  expect(await countListed('status=succeeded')).toBe(1_202);
});

it('loses nothing when the worker is killed in mid-work', async () => {
  const ids: string[] = [];
  const submitting = fanOut(400, 16, async (i) => {
    const response = await post('/jobs', { input: trip(i), max_attempts: 50 });
    ids.push(((await response.json()) as Job).id);
  });
  await until(() => ids.length > 50);
  const [worker] = service.pids('dist/worker/main.js');
  if (worker === undefined) throw new Error('no worker to kill');
  process.kill(worker, 'SIGKILL');
  await submitting;
  const jobs = await Promise.all(
    ids.map((id) =>
      until(
        async () => {
          // Hundreds that ask again and again would take the time from the worker that is to come back.
          const job = await get<Job>(`/jobs/${id}`, { prefer: 'wait=10' });
          return job.status === 'succeeded' && job;
        },
        { timeoutMs: 60_000, what: `the end of job ${id}` },
      ),
    ),
  );
  expect(jobs).toHaveLength(400);
  expect(service.pids('dist/worker/main.js')).not.toContain(worker);
});

async function answersOf(runtime: ModelRuntime, inputs: Record<string, number>[]): Promise<Float32Array> {
  const batch = runtime.layout.allocate(inputs.length);
  inputs.forEach((input, row) => runtime.layout.write(batch, row, input));
  return (await runtime.predict(batch)).outputs[0] ?? new Float32Array();
}

/** Jobs on all pages of a list. */
async function countListed(query: string): Promise<number> {
  let count = 0;
  for (let cursor = ''; ; ) {
    const page: { jobs: Job[]; next_cursor: string | null } = await get(
      `/jobs?limit=200&${query}${cursor && `&cursor=${cursor}`}`,
    );
    count += page.jobs.length;
    if (page.next_cursor === null) return count;
    cursor = page.next_cursor;
  }
}
