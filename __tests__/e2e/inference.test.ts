import { type Service, startService } from '../support/service.js';

const MODEL = 'trip-duration-linear';
let service: Service;
beforeAll(async () => {
  service = await startService({ DEFAULT_MODEL: MODEL });
});
afterAll(() => service.stop(), 30_000);

const infer = (
  body: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
  model = MODEL,
): Promise<Response> => fetch(`${service.url}/v2/models/${model}/infer`, { method: 'POST', body, headers });

interface Outputs {
  model_version: string;
  outputs: { name: string; shape: number[]; data: number[] }[];
}
const milesOf = (rows: number): number[] => Array.from({ length: rows }, (_, row) => (row % 300) / 10);
const zones = (rows: number, zone: number): number[] => Array.from({ length: rows }, () => zone);
const tensor = (name: string, datatype: string, data: number[]) => ({
  name,
  datatype,
  shape: [data.length],
  data,
});
const inputsOf = (miles: number[]) => [
  tensor('PULocationID', 'INT64', zones(miles.length, 130)),
  tensor('DOLocationID', 'INT64', zones(miles.length, 205)),
  tensor('trip_distance', 'FP64', miles),
];

/** What `POST /jobs` answers for each distance. */
async function byJobs(miles: number[]): Promise<number[]> {
  const jobs = miles.map((trip_distance) => ({
    input: { PULocationID: 130, DOLocationID: 205, trip_distance },
  }));
  const headers = { 'content-type': 'application/json', prefer: 'wait=60' };
  const answer = await fetch(`${service.url}/jobs`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ jobs }),
  });
  const { jobs: ended } = (await answer.json()) as { jobs: { result: { duration: number } }[] };
  return ended.map(({ result }) => result.duration);
}

it.each([1, 3, 2_000])('predicts %i rows as jobs do', async (rows) => {
  const miles = milesOf(rows);
  const answer = await infer(JSON.stringify({ inputs: inputsOf(miles) }));
  expect(answer.status).toBe(200);
  const { model_version: version, outputs } = (await answer.json()) as Outputs;
  const [duration] = outputs;
  expect([version, outputs.length, duration?.name, duration?.shape]).toEqual([
    '1.0.0',
    1,
    'duration',
    [rows],
  ]);
  expect(duration?.data).toHaveLength(rows);
  const some = miles.slice(0, 200);
  expect(duration?.data.slice(0, 200)).toEqual(await byJobs(some));
  // Distances come again after 300 rows, and with them the durations.
  expect(duration?.data.slice(1_800)).toEqual(duration?.data.slice(0, Math.max(0, rows - 1_800)));
});

it('predicts the same in binary', async () => {
  const miles = milesOf(3);
  const bytes = [
    Buffer.from(BigInt64Array.from(zones(3, 130), BigInt).buffer),
    Buffer.from(Int32Array.from(zones(3, 205)).buffer),
    Buffer.from(Float64Array.from(miles).buffer),
  ];
  const inputs = [
    ['PULocationID', 'INT64'],
    ['DOLocationID', 'INT32'],
    ['trip_distance', 'FP64'],
  ].map(([name, datatype], i) => ({
    name,
    datatype,
    shape: [3],
    parameters: { binary_data_size: bytes[i]?.length },
  }));
  const json = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
  const answer = await infer(Buffer.concat([json, ...bytes]), {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(json.length),
  });
  expect(answer.status).toBe(200);
  const body = Buffer.from(await answer.arrayBuffer());
  const values = body.subarray(Number(answer.headers.get('inference-header-content-length')));
  const durations = [0, 4, 8].map((at) => values.readFloatLE(at));
  expect(durations).toEqual([...Float32Array.from(await byJobs(miles))]);
  expect(values).toHaveLength(12);
});

it.each([3, 2_000])('refuses %i rows for one bad one', async (rows) => {
  const miles = milesOf(rows).with(rows - 1, -1);
  const answer = await infer(JSON.stringify({ inputs: inputsOf(miles) }));
  expect([answer.status, await answer.json()]).toEqual([
    400,
    { error: expect.stringContaining(`#/${rows - 1}/trip_distance must be >= 0`) },
  ]);
});

it('says that the model is ready, and knows no other model and no other version', async () => {
  const told = async (path: string): Promise<[number, unknown]> => {
    const answer = await fetch(`${service.url}/v2/${path}`);
    return [answer.status, await answer.json()];
  };
  expect(await told(`models/${MODEL}/versions/1.0.0/ready`)).toEqual([200, { name: MODEL, ready: true }]);
  expect(await told('health/ready')).toEqual([200, { ready: true }]);
  const body = JSON.stringify({ inputs: inputsOf([1]) });
  expect((await infer(body, undefined, 'nowhere')).status).toBe(404);
  expect((await infer(body, undefined, `${MODEL}/versions/0.9.0`)).status).toBe(404);
  expect((await infer(body, undefined, `${MODEL}/versions/1.0.0`)).status).toBe(200);
});
