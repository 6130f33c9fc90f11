import { type Tensor, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import type { Columns } from '../../../shared/model/columns.js';
import type { OutputValues } from '../../../worker/inference/child/binding.js';
import { ENGINES } from '../../../worker/inference/child/engines/engines.js';
import { NetworkRunner } from '../../../worker/inference/child/network-runner.js';
import { tf } from '../../../worker/inference/child/tensorflow.js';

const WIDTH = 3;

type Run = (x: Tensor2D) => Tensor[];

let weights: Tensor2D;
let before: { dataIds: number; tensors: number };
beforeAll(async () => {
  await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
  weights = tensor2d([1, -2, 3, 0.5, 4, -1, 2, 2, 0.25], [WIDTH, WIDTH]);
});
beforeEach(() => {
  before = { dataIds: tf.backend().numDataIds(), tensors: tf.memory().numTensors };
});

const runners: NetworkRunner[] = [];
afterEach(() => {
  for (const runner of runners.splice(0)) runner.dispose();
  // oxlint-disable-next-line jest/no-standalone-expect
  expect({ dataIds: tf.backend().numDataIds(), tensors: tf.memory().numTensors }).toEqual(before);
});

function runnerOf(run: Run, now = () => 0): NetworkRunner {
  const binding = {
    feeds: [{ name: 'x', rowShape: [WIDTH], width: WIDTH, dtype: 'float32' as const }],
    isSingleRow: false,
    outputTensors: ['y'],
    outputsOf: () => [],
  };
  const runner = new NetworkRunner(({ x }) => run(x as Tensor2D), binding, now);
  runners.push(runner);
  return runner;
}

const rowsOf = (rows: number, seed: number): Columns => ({
  rows,
  arrays: [Float32Array.from({ length: rows * WIDTH }, (_, i) => Math.sin(seed * 97 + i * 13) * 4)],
});

/** What the network answers without a runner. */
const answerOf = (run: Run, { rows, arrays }: Columns): OutputValues[] =>
  tf.tidy(() => run(tensor2d(arrays[0] as Float32Array, [rows, WIDTH])).map((output) => output.dataSync()));

/** Calls until plans alone answer, and some after that. */
const CALLS = 8;

async function expectSameAnswers(run: Run, rowCounts = [1, 2, 7, 64]): Promise<NetworkRunner> {
  const runner = runnerOf(run);
  for (let call = 0; call < CALLS; call += 1) {
    for (const rows of rowCounts) {
      const columns = rowsOf(rows, call);
      expect(await runner.run(columns)).toEqual(answerOf(run, columns));
    }
  }
  return runner;
}

const NETWORKS: Record<string, Run> = {
  'a constant made in the run': (x) => [tf.add(tf.mul(x, tf.scalar(3)), tf.fill(x.shape, 0.5))],
  'kernels on weights and shapes alone': (x) => [
    tf.mul(tf.matMul(x, tf.transpose(weights)), tf.prod(tf.cast(tf.tensor1d(x.shape), 'float32'))),
  ],
  'a read of what depends on shapes alone': (x) => [
    tf.add(x, tf.sum(tf.tensor1d(x.shape)).dataSync()[0] ?? 0),
  ],
  'reshapes, which share data': (x) => [
    tf.reshape(tf.relu(tf.reshape(tf.mul(tf.reshape(x, [-1]), 2), x.shape)), [-1]),
  ],
  'inputs and weights as outputs': (x) => [x, tf.reshape(x, [-1]), tf.clone(weights), tf.mul(x, 2)],
  'one result as several outputs': (x) => {
    const y = tf.exp(x);
    return [y, tf.reshape(y, [-1]), y];
  },
  'kernels of many inputs and outputs': (x) => {
    const [first = x, ...rest] = tf.split(x, WIDTH, 1);
    return [tf.concat([...rest, first, x], 1), tf.stack([x, x])];
  },
  'results that nobody uses': (x) => {
    tf.exp(x);
    return [tf.topk(x, 2).values];
  },
  'other types': (x) => [tf.greater(x, 0), tf.cast(tf.floor(x), 'int32'), tf.cast(x, 'bool')],
  'a kernel with a gap among its inputs': (x) => [tf.fused.matMul({ a: x, b: weights, activation: 'relu' })],
};

it.each(Object.keys(NETWORKS))('replays %s', async (name) => {
  const runner = await expectSameAnswers(NETWORKS[name]!);
  expect(runner.plainBecause).toBeUndefined();
});

it('runs no code of the network any more once a number of rows is known', async () => {
  let runs = 0;
  const runner = runnerOf((x) => {
    runs += 1;
    return [tf.mul(x, tf.sum(weights))];
  });
  for (let call = 0; call < CALLS; call += 1) await runner.run(rowsOf(3, call));
  // The recording, and four trials.
  expect(runs).toBe(5);
});

it('records a run again that was slow, and keeps no plan of it', async () => {
  let nowMs = 0;
  let runs = 0;
  let isSlow = true;
  const run: Run = (x) => {
    runs += 1;
    if (isSlow) nowMs += 51;
    return [tf.mul(x, tf.scalar(2))];
  };
  const runner = runnerOf(run, () => nowMs);
  for (let call = 0; call < CALLS; call += 1) await runner.run(rowsOf(3, call));
  expect([runs, tf.backend().numDataIds()]).toEqual([CALLS, before.dataIds]);
  isSlow = false;
  for (let call = 0; call < CALLS; call += 1) await runner.run(rowsOf(3, call));
  expect(runs).toBe(CALLS + 5);
});

const boxes = (x: Tensor2D): Tensor2D =>
  tf.concat([tf.slice(x, [0, 0], [-1, 2]), tf.ones([x.shape[0], 2])], 1);
const REFUSED: Record<string, [Run, string]> = {
  'a read of values': [
    (x) => [tf.mul(x, (tf.sum(x).dataSync()[0] ?? 0) > 0 ? 1 : 2)],
    'it reads values while it runs',
  ],
  'shapes that depend on values': [
    (x) => [tf.image.nonMaxSuppression(boxes(x), tf.reshape(tf.sum(x, 1), [-1]), x.shape[0], 0.1)],
    'its shapes depend on values',
  ],
  text: [(x) => [x, tf.tensor(['a'])], 'it has tensors of string'],
};

it.each(Object.keys(REFUSED))('does not replay %s', async (name) => {
  const [run, why] = REFUSED[name]!;
  const runner = await expectSameAnswers(run, [7]);
  expect(runner.plainBecause).toBe(why);
});

it.each<[string, () => Run]>([
  ['chance', () => (x) => [tf.mul(x, tf.randomUniform(x.shape))]],
  [
    'state',
    () => {
      let calls = 0;
      return (x) => [tf.add(x, (calls += 1))];
    },
  ],
])('does not replay %s', async (_, create) => {
  const runner = runnerOf(create());
  const answers: string[] = [];
  for (let call = 0; call < CALLS; call += 1) answers.push(String((await runner.run(rowsOf(2, 0)))[0]));
  expect(new Set(answers).size).toBe(CALLS);
  expect(runner.plainBecause).toBe('2 rows get other answers by a replay');
});

it('takes a rejection of the network for no fault of the plan, and rows of a wrong size for none', async () => {
  const run: Run = (x) => [
    tf.gather(weights, tf.reshape(tf.cast(tf.slice(x, [0, 0], [-1, 1]), 'int32'), [-1])),
  ];
  const runner = runnerOf(run);
  const rows = (index: number): Columns => ({ rows: 1, arrays: [Float32Array.of(index, 0, 0)] });
  for (let call = 0; call < CALLS; call += 1) await runner.run(rows(call % WIDTH));
  await expect(runner.run(rows(WIDTH))).rejects.toThrow('the index value 3 is not in [0, 2]');
  await expect(runner.run({ rows: 1, arrays: [new Float32Array(2)] })).rejects.toThrow(/shape/);
  expect(await runner.run(rows(1))).toEqual(answerOf(run, rows(1)));
  expect(runner.plainBecause).toBeUndefined();
});

it('runs the network when a replay fails, and replays no more', async () => {
  const table = tf.tidy(() => tf.variable(tf.ones([1, WIDTH])));
  const run: Run = (x) => [tf.mul(x, table)];
  const runner = runnerOf(run);
  for (let call = 0; call < CALLS; call += 1) await runner.run(rowsOf(2, call));
  expect(runner.plainBecause).toBeUndefined();
  // The plan holds the data of before.
  tf.tidy(() => table.assign(tf.zeros([1, WIDTH])));
  const answers = [await runner.run(rowsOf(2, 0)), await runner.run(rowsOf(2, 1))];
  expect(answers).toEqual([answerOf(run, rowsOf(2, 0)), answerOf(run, rowsOf(2, 1))]);
  expect(runner.plainBecause).toBeDefined();
  table.dispose();
});

describe('plans', () => {
  /** A runner whose plans keep a constant of so many numbers. */
  const runnerKeeping = (numbers: (rows: number) => number): NetworkRunner =>
    runnerOf((x) => [tf.add(x, tf.sum(tf.zeros([numbers(x.shape[0])])))]);
  const kept = (): number => tf.backend().numDataIds() - before.dataIds;
  it('are kept for the row counts that were used last', async () => {
    const runner = runnerKeeping(() => 1);
    await runner.run(rowsOf(1, 0));
    const ofOne = kept();
    expect(ofOne).toBeGreaterThan(0);
    for (let rows = 2; rows <= 300; rows += 1) await runner.run(rowsOf(rows, 0));
    expect(kept()).toBe(128 * ofOne);
  });

  it('are kept within a bound of memory, each and all', async () => {
    const runner = runnerKeeping((rows) => (rows === 9 ? 4_200_000 : 4_000_000));
    await runner.run(rowsOf(1, 0));
    const ofOne = kept();
    for (let rows = 2; rows <= 8; rows += 1) await runner.run(rowsOf(rows, 0));
    expect(kept()).toBe(4 * ofOne);
    await runner.run(rowsOf(9, 0));
    expect(kept()).toBe(4 * ofOne);
    expect(await runner.run(rowsOf(9, 2))).toEqual(rowsOf(9, 2).arrays);
  });
});
