import { spawn } from 'node:child_process';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseRunRecord } from '../../scripts/batch/checkpoint.js';
import { readTrips } from '../../scripts/trips/files/read-trips.js';
import { errorsOf } from '../../scripts/trips/metrics.js';
import { predictTrips } from '../../scripts/trips/predict-trips.js';
import { LONGEST_DISTANCE_MILES, selectTrips } from '../../scripts/trips/trips.js';
import { WaggleClient } from '../../shared/client/client.js';
import { loadModelRuntime } from '../../worker/inference/child/model-runtime.js';
import { describeWithData, greenTrips, temporaryFolder } from '../scripts/trips/trip-data.js';
import { until } from '../support/latch.js';
import { type Finished, waggle } from '../support/run-program.js';
import { type Service, startService } from '../support/service.js';
import { waggleHere } from '../support/waggle-here.js';

const ROOT = resolve(__dirname, '../..');
const MODEL = 'trip-duration-linear';
const ROWS = 30_000;
/** Distances beyond the model's, at these rows. */
const BAD_ROWS = new Set([17, 23_210]);

const folder = temporaryFolder();
const input = join(folder, 'trips.ndjson');
const trip = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };
const tripOf = (row: number) => ({
  PULocationID: 1 + ((row * 37) % 265),
  DOLocationID: 1 + ((row * 101) % 265),
  trip_distance: BAD_ROWS.has(row) ? 1_000 : (row % 300) / 10,
  note: `row ${row}`,
});

let service: Service;
let client: WaggleClient;
beforeAll(async () => {
  const lines = Array.from({ length: ROWS }, (_, row) => `${JSON.stringify(tripOf(row))}\n`);
  writeFileSync(input, lines.join(''));
  service = await startService({ DEFAULT_MODEL: MODEL });
  client = new WaggleClient({ url: service.url });
});
afterAll(() => service.stop(), 30_000);

const batch = (...args: string[]): Promise<Finished> =>
  waggle(['batch', ...args], { WAGGLE_URL: service.url });

const lastLine = (text: string): unknown => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');

/** What a run must have written, whatever happened to it. */
function checkOutput(out: string): void {
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(ROWS);
  const wrong = lines.filter((line, row) => {
    const { duration, error, ...carried } = JSON.parse(line) as Record<string, unknown>;
    const isCarried = JSON.stringify(carried) === JSON.stringify(tripOf(row));
    return (
      !isCarried ||
      BAD_ROWS.has(row) !== (error !== undefined) ||
      (error === undefined) !== (typeof duration === 'number')
    );
  });
  expect(wrong).toEqual([]);
  expect(existsSync(`${out}.checkpoint`)).toBe(false);
}

/** Starts the command as a process whose standard input and output are pipes. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/waggle.mjs'), 'batch', ...args], {
    cwd: ROOT,
    env: { ...process.env, WAGGLE_URL: service.url },
    stdio: 'pipe',
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => void (said.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => void (said.stderr += text.toString()));
  const ended = new Promise<Finished>((done) => child.once('close', (code) => done({ code, ...said })));
  return { child, said, ended };
}

/** Starts the command and resolves once it has written some rows, and some more, but not all. */
async function begun(
  out: string,
  { file = input, args }: { file?: string; args: string[] },
): Promise<{ kill: (signal: NodeJS.Signals) => void; ended: Promise<Finished> }> {
  const { child, said, ended } = start(file, '--out', out, ...args);
  const before = rowsWritten(out) ?? 0;
  const isUnderWay = (): boolean => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said.stderr}`);
    return (rowsWritten(out) ?? 0) > before;
  };
  await until(isUnderWay, { timeoutMs: 60_000, what: 'the first checkpoint with rows' });
  return { kill: (signal) => void child.kill(signal), ended };
}

function rowsWritten(out: string): number | undefined {
  if (!existsSync(`${out}.checkpoint`)) return undefined;
  return parseRunRecord(readFileSync(`${out}.checkpoint`, 'utf8'))?.progress.rows;
}

/** Rows of every batch that the service has, by a model. */
async function rowsSubmitted(): Promise<number> {
  let rows = 0;
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await client.batches.list({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    rows += page.batches.reduce((sum, { rows: { total } }) => sum + total, 0);
    cursor = page.next_cursor;
  }
  return rows;
}

it('writes every row once with its result or its error, and says how it went', async () => {
  const out = join(folder, 'whole.ndjson');
  const { code, stdout, stderr } = await batch(input, '--out', out, '--json', '--batch-rows', '12000');
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.any(String) as string });
  checkOutput(out);
  const summary = lastLine(stdout);
  expect(summary).toMatchObject({ mode: 'batch', rows: ROWS, succeeded: ROWS - 2, failed: 2 });
  expect(summary).toMatchObject({
    batches: [expect.any(String), expect.any(String), expect.any(String)],
    failures: [{ reason: 'invalid_input: #/trip_distance must be <= 100', rows: 2, first_row: 17 }],
  });
});

it('goes on after kill -9 of the command, and submits nothing twice', async () => {
  const before = await rowsSubmitted();
  const out = join(folder, 'killed.ndjson');
  for (let kills = 0; kills < 2; kills += 1) {
    const { kill, ended } = await begun(out, { args: ['--batch-rows', '5000'] });
    kill('SIGKILL');
    await ended;
  }
  expect(rowsWritten(out)).toBeLessThan(ROWS);
  const { code, stderr } = await batch(input, '--out', out, '--batch-rows', '5000');
  expect(stderr).toContain('going on after row');
  expect(code).toBe(2);
  checkOutput(out);
  // An upload that a kill broke off is a canceled batch of some rows; all others are of the run, each once.
  const complete = await rowsOfCompleteBatches(before);
  expect(complete).toBe(ROWS);
});

/** Rows of the batches since the service had `before` rows, without those that were canceled. */
async function rowsOfCompleteBatches(before: number): Promise<number> {
  const { batches } = await client.batches.list({ limit: 200 });
  const canceled = batches.filter(({ status }) => status === 'canceled');
  const canceledRows = canceled.reduce((sum, { rows: { total } }) => sum + total, 0);
  return (await rowsSubmitted()) - before - canceledRows;
}

it('stops on Ctrl-C with what it has, says how to go on, and does', async () => {
  const out = join(folder, 'stopped.ndjson');
  const { kill, ended } = await begun(out, { args: ['--batch-rows', '5000'] });
  kill('SIGINT');
  const { code, stderr } = await ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/rows are in .*stopped\.ndjson: the same command goes on from there/);
  const changed = await batch(input, '--out', out, '--batch-rows', '4500');
  expect(changed).toMatchObject({ code: 1, stderr: expect.stringContaining('other options') as string });
  expect(await batch(input, '--out', out, '--batch-rows', '5000')).toMatchObject({ code: 2 });
  checkOutput(out);
});

it('outlasts the API, killed and started again', async () => {
  const out = join(folder, 'outlasting.ndjson');
  // In one batch, whose upload is complete when its first rows are written.
  const { ended } = await begun(out, { args: ['--batch-rows', String(ROWS)] });
  for (const pid of service.pids('dist/api/main.js')) process.kill(pid, 'SIGKILL');
  expect(await ended).toMatchObject({ code: 2 });
  checkOutput(out);
  // The command may have had all results before the kill.
  await until(() => client.list({ limit: 1 }).catch(() => undefined), { what: 'the API being back' });
});

it('writes a Parquet file of a Parquet file, also after kill -9 in between', async () => {
  const file = join(folder, 'trips.parquet');
  const out = join(folder, 'predicted.parquet');
  const trips = Array.from({ length: ROWS }, (_, row) => tripOf(row));
  const columnData = (['PULocationID', 'DOLocationID', 'trip_distance', 'note'] as const).map((name) => ({
    name,
    data: trips.map((one) => one[name]),
  }));
  writeFileSync(file, Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: 2_000 })));
  const { kill, ended } = await begun(out, { file, args: ['--batch-rows', '5000'] });
  kill('SIGKILL');
  await ended;
  expect(rowsWritten(out)).toBeLessThan(ROWS);
  const { code, stderr } = await batch(file, '--out', out, '--batch-rows', '5000');
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('going on after') as string });
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(out) });
  expect(rows.map(({ note }) => note as unknown)).toEqual(trips.map(({ note }) => note));
  const wrong = rows.filter(
    ({ duration, error }, row) =>
      (error === null) === BAD_ROWS.has(row) || (duration === null) !== BAD_ROWS.has(row),
  );
  expect(wrong).toEqual([]);
});

describe('in a pipe', () => {
  it('reads standard input and writes standard output, and says all else elsewhere', async () => {
    const { child, ended } = start('-', '--format', 'ndjson', '--out', '-', '--batch-rows', '7000', '--json');
    child.stdin.end(readFileSync(input));
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(2);
    const out = join(folder, 'piped.ndjson');
    writeFileSync(out, stdout);
    checkOutput(out);
    expect(lastLine(stderr)).toMatchObject({ rows: ROWS, succeeded: ROWS - 2 });
    expect(stderr).toContain('cannot be taken up');
  });

  it('ends without a word once nobody reads on, though more could be read', async () => {
    const { child, ended } = start('-', '--format', 'ndjson', '--out', '-', '--batch-rows', '2000');
    child.stdin.on('error', () => undefined);
    child.stdin.write(readFileSync(input));
    child.stdout.once('data', () => child.stdout.destroy());
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/EPIPE|✖/);
  });
});

it('follows a batch that is there already', async () => {
  const { id } = await client.batches.submit([trip, { ...trip, trip_distance: 1_000 }]);
  const { code, stdout } = await batch('--watch', id, '--json');
  expect(code).toBe(2);
  expect(lastLine(stdout)).toMatchObject({
    id,
    status: 'succeeded',
    rows: { total: 2, succeeded: 1, invalid: 1 },
  });
});

describe('one job a row', () => {
  const few = join(folder, 'few.csv');
  const cells = (row: number): string => Object.values(tripOf(row)).join(',');
  const header = Object.keys(tripOf(0)).join(',');
  beforeAll(() =>
    writeFileSync(few, `${header}\n${Array.from({ length: 60 }, (_, row) => cells(row)).join('\n')}\n`),
  );

  it('gives what a batch gives', async () => {
    const [asJobs, asBatch] = [join(folder, 'jobs.csv'), join(folder, 'batch.csv')];
    const jobs = await batch(few, '--out', asJobs, '--mode', 'jobs', '--concurrency', '20', '--json');
    expect(jobs.code).toBe(2);
    expect(lastLine(jobs.stdout)).toMatchObject({ mode: 'jobs', rows: 60, succeeded: 59, batches: [] });
    expect((await batch(few, '--out', asBatch)).code).toBe(2);
    const lines = readFileSync(asJobs, 'utf8').split('\n');
    expect(lines).toEqual(readFileSync(asBatch, 'utf8').split('\n'));
    expect(lines[0]).toBe(`${header},duration,error`);
    expect(lines[18]).toBe(`${cells(17)},,invalid_input: #/trip_distance must be <= 100`);
  });
});

describeWithData('a month of real trips', () => {
  it('is predicted as evaluation predicts it', async () => {
    const out = join(folder, 'trips.csv');
    const args = [
      greenTrips('2021-02'),
      '--map',
      'pickup_datetime=lpep_pickup_datetime',
      '--out',
      out,
      '--json',
    ];
    const { code, stdout } = await batch(...args, '--model', 'trip-duration');
    expect(code).toBe(2);
    const trips = await readTrips([greenTrips('2021-02')]);
    const asked = [...trips.distanceMiles.keys()].filter(
      (row) => (trips.distanceMiles[row] ?? 0) <= LONGEST_DISTANCE_MILES,
    );
    const same = selectTrips(trips, asked);
    const model = await loadModelRuntime(join(ROOT, 'model/trip-duration'), 'wasm');
    const { rmse, mae } = errorsOf(await predictTrips(model, same, true), same.durationMinutes);
    model.dispose();
    expect(lastLine(stdout)).toMatchObject({
      rows: 61_921,
      failed: 26,
      accuracy: {
        rows: same.length,
        rmse: expect.closeTo(rmse, 4) as number,
        mae: expect.closeTo(mae, 4) as number,
      },
    });
    const [header] = readFileSync(out, 'utf8').split('\n', 1);
    expect(header).toMatch(
      /^VendorID,lpep_pickup_datetime,.*,input_duration,__index_level_0__,duration,error$/,
    );
  });
});

describe('what cannot be done', () => {
  it.each([
    [[], 'nothing to predict'],
    [['trips.ndjson'], 'Name a file, as in --out'],
    [['nowhere.csv', '--out', 'x.csv'], 'nowhere.csv: cannot be read'],
    [['package.json', '--out', 'package.json'], '--out must be another file'],
    [['package.json', '--out', 'x.csv'], 'must hold rows as'],
    [['-', '--out', 'x.csv'], 'say with --format what comes'],
    [['-', '--format', 'parquet', '--out', 'x.csv'], 'a Parquet file is read from its end'],
    [['trips.ndjson', '--out', 'x.xlsx'], 'or say which it is with --out-format'],
    [['trips.ndjson', '--out', 'x.csv', '--map', 'nonsense'], 'It must be member=column'],
  ])('%j', async (args, problem) => {
    const named = args.map((arg) => (arg === 'trips.ndjson' ? input : arg));
    const { code, stderr } = await waggleHere(['batch', ...named], { WAGGLE_URL: service.url });
    expect(stderr).toContain(problem);
    expect(code).toBe(1);
    expect(existsSync(join(ROOT, 'x.csv'))).toBe(false);
  });

  it('without a server', async () => {
    const out = join(folder, 'never.csv');
    const { code, stdout, stderr } = await waggle([
      'batch',
      input,
      '--out',
      out,
      '--url',
      'http://127.0.0.1:9',
      '--json',
    ]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('no server answers') as string,
    });
    expect(lastLine(stdout)).toMatchObject({ error: { code: 'unreachable' } });
    expect(existsSync(`${out}.checkpoint`)).toBe(false);
  });
});
