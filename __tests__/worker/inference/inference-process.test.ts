import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createColumnLayout } from '../../../shared/model/columns.js';
import { InferenceLostError, ModelThrewError } from '../../../worker/inference/inference-errors.js';
import {
  type InferenceOptions,
  InferenceProcess,
} from '../../../worker/inference/parent/inference-process.js';
import { type ModelFiles, readModelFiles } from '../../../worker/inference/parent/model-files.js';
import { until } from '../../support/latch.js';
import { isRunning } from '../../support/processes.js';
import { built, FAULTY_INFERENCE, FIXTURES, MODELS } from '../../support/paths.js';
import { recordingLog } from '../../support/recording-log.js';
import type { Act } from '../../support/rigs/worker-rig.js';

let faulty: ModelFiles;
beforeAll(async () => {
  faulty = await readModelFiles(join(FIXTURES, 'faulty'));
});
const log = recordingLog();
const processes: InferenceProcess[] = [];
afterEach(() => Promise.all(processes.splice(0).map((inference) => inference.end())));

async function start(files: ModelFiles, changes: Partial<InferenceOptions> = {}): Promise<InferenceProcess> {
  const inference = await InferenceProcess.start(files, {
    entry: FAULTY_INFERENCE,
    engine: 'wasm',
    log,
    ...changes,
  });
  processes.push(inference);
  return inference;
}

function orders(...rows: [Act, number][]) {
  const layout = createColumnLayout(faulty.manifest);
  const batch = layout.allocate(rows.length);
  rows.forEach(([act, value], row) => layout.write(batch, row, { act, value }));
  return batch;
}

it('answers batches with the model that it was given, and keeps no tensor', async () => {
  const files = await readModelFiles(join(MODELS, 'trip-duration-linear'));
  const inference = await start(files, { entry: built('worker/inference/child/main.js') });
  const layout = createColumnLayout(files.manifest);
  const batch = layout.allocate(2);
  layout.write(batch, 0, { PULocationID: 130, DOLocationID: 205, trip_distance: 3 });
  layout.write(batch, 1, { PULocationID: 130, DOLocationID: 205, trip_distance: 4 });
  const first = await inference.predict(batch);
  expect(first.outputs[0]?.[0]).toBeCloseTo(12.77, 1);
  expect(first.outputs[0]?.[1]).toBeGreaterThan(first.outputs[0]?.[0] ?? 0);
  expect(first.predictMs).toBeGreaterThan(0);
  for (let call = 0; call < 20; call += 1) await inference.predict(batch);
  expect((await inference.predict(batch)).numTensors).toBe(first.numTensors);

  // Far more than a socket takes at once, in both directions.
  const large = layout.allocate(200_000);
  layout.write(large, 199_999, { PULocationID: 130, DOLocationID: 205, trip_distance: 3 });
  const answers = await Promise.all([large, batch, large].map((columns) => inference.predict(columns)));
  const minutes = answers.map(({ outputs }) => outputs[0] ?? []);
  const [near, far] = first.outputs[0] ?? [];
  expect(minutes.map(({ length }) => length)).toEqual([200_000, 2, 200_000]);
  expect(minutes.map((values) => values.at(-1))).toEqual([near, far, near]);
});

describe('a process whose model makes trouble', () => {
  // One for all of these: each test leaves it serving, and the last one ends it.
  let inference: InferenceProcess;
  beforeAll(async () => {
    inference = await InferenceProcess.start(faulty, { entry: FAULTY_INFERENCE, engine: 'wasm', log });
  });
  afterAll(() => inference.end());

  it('answers batches in the order in which they were asked', async () => {
    const answers = await Promise.all([1, 2, 3].map((value) => inference.predict(orders(['answer', value]))));
    expect(answers.map(({ outputs }) => outputs[0]?.[0])).toEqual([2, 4, 6]);
  });

  it('reports an error of the model and lives on', async () => {
    const { pid } = inference;
    const failing = inference.predict(orders(['answer', 1], ['throw', 7]));
    await expect(failing).rejects.toThrow(ModelThrewError);
    await expect(failing).rejects.toThrow('told to throw at 7');
    expect((await inference.predict(orders(['answer', 4]))).outputs[0]?.[0]).toBe(8);
    expect(inference.pid).toBe(pid);
  });

  it('tells everybody who waits when it crashes, and is back for the next', async () => {
    const { pid } = inference;
    const crashing = [inference.predict(orders(['crash', 0])), inference.predict(orders(['answer', 1]))];
    for (const waiting of crashing) await expect(waiting).rejects.toMatchObject({ loss: 'crashed' });
    expect((await inference.predict(orders(['answer', 5]))).outputs[0]?.[0]).toBe(10);
    expect(inference.pid).not.toBe(pid);
  });

  it('is really ended by kill while the model hangs, and is back', async () => {
    const { pid } = inference;
    const hanging = inference.predict(orders(['hang', 0]));
    await new Promise(setImmediate);
    inference.kill('the test says so');
    await expect(hanging).rejects.toMatchObject({ loss: 'killed' });
    await expect(hanging).rejects.toThrow(InferenceLostError);
    expect((await inference.predict(orders(['answer', 6]))).outputs[0]?.[0]).toBe(12);
    expect(pid !== undefined && isRunning(pid)).toBe(false);
  });

  it('leaves no process behind when it ends, even one that hangs', async () => {
    const { pid = 0 } = inference;
    const hanging = inference.predict(orders(['hang', 0]));
    hanging.catch(() => undefined);
    await inference.end();
    await expect(hanging).rejects.toMatchObject({ loss: 'ended' });
    await expect(inference.predict(orders(['answer', 1]))).rejects.toMatchObject({ loss: 'ended' });
    await until(() => !isRunning(pid));
  });
});

it.each([
  [join(MODELS, 'trip-duration'), undefined],
  [join(MODELS, 'trip-duration-linear'), undefined],
  [join(FIXTURES, 'greenhouse'), undefined],
  [join(FIXTURES, 'faulty'), 'it reads values while it runs'],
])('says whether the kernels of %s are replayed', async (folder, why) => {
  const ownLog = recordingLog();
  const inference = await start(await readModelFiles(folder), { log: ownLog });
  expect(inference.report.plainBecause).toBe(why);
  expect(ownLog.said('kernels are not replayed')?.fields['why']).toBe(why);
});

it('refuses to start with a network that it cannot build, and says why', async () => {
  const unknownLayer = start(faulty, { entry: built('worker/inference/child/main.js') });
  await expect(unknownLayer).rejects.toThrow(/Unknown layer: Faults/);
});

it('passes on what a process said that died before it served', async () => {
  const dying = start(faulty, { entry: join(FIXTURES, 'no-such-program.mjs') });
  await expect(dying).rejects.toThrow(/crashed \(code 1: Error: .*no-such-program\.mjs/);
});

it('gives up after several starts that fail, and tells once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-inference-'));
  const entry = join(folder, 'main.mjs');
  writeFileSync(entry, `import ${JSON.stringify(pathToFileURL(FAULTY_INFERENCE).href)};`);
  const reasons: string[] = [];
  const inference = await start(faulty, { entry, onGivenUp: (reason) => reasons.push(reason) });
  rmSync(folder, { recursive: true });
  inference.kill('the test says so');
  await expect(inference.ready()).rejects.toMatchObject({ loss: 'ended' });
  expect(reasons).toHaveLength(1);
});
