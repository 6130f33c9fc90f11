import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRowReader } from '../../../shared/model/row-reader.js';
import { loadModelRuntime, type ModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { ONNX_FIXTURES } from '../../support/paths.js';
import { type Value, writeOnnx } from '../../support/write-onnx.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-onnx-'));
  cpSync(join(ONNX_FIXTURES, 'forest'), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** One row of answers.json: the inputs, the season by its place; the kind; the probability of each kind. */
type Answer = [
  temperature: number,
  humidity: number,
  season: number,
  ventOpen: number,
  kind: number,
  dry: number,
  well: number,
  mildewed: number,
];

const plantOf = ([temperature, humidity, season, ventOpen]: Answer) => ({
  temperature,
  humidity,
  season: ['winter', 'spring', 'summer', 'autumn'][season],
  vent_open: ventOpen === 1,
});

function predict(runtime: ModelRuntime, inputs: readonly object[]) {
  const columns = runtime.layout.allocate(inputs.length);
  inputs.forEach((input, row) => runtime.layout.write(columns, row, { ...input }));
  return runtime.predict(columns);
}

it.each(['forest', 'boosted'])(
  'answers as the library does that trained the classifier: %s',
  async (name) => {
    const answers = JSON.parse(readFileSync(join(ONNX_FIXTURES, name, 'answers.json'), 'utf8')) as Answer[];
    const runtime = await loadModelRuntime(join(ONNX_FIXTURES, name));
    const { outputs } = await predict(runtime, answers.map(plantOf));
    runtime.dispose();
    const read = createRowReader(runtime.manifest);
    const near = (value: number): number => expect.closeTo(value, 5) as number;
    expect(new Set(answers.map(([, , , , kind]) => kind))).toEqual(new Set([0, 1, 2]));
    expect(answers.map((_, row) => read(outputs, row))).toEqual(
      answers.map(([, , , , kind, dry, , mildewed]) => ({
        ok: true,
        result: { kind, dry: near(dry), mildewed: near(mildewed) },
      })),
    );
  },
);

it('takes 4,096 rows at once, and answers the next call', async () => {
  const runtime = await loadModelRuntime(folder);
  const { example } = runtime.manifest;
  const { outputs } = await predict(
    runtime,
    Array.from({ length: 4_096 }, () => example),
  );
  const [[first] = []] = (await predict(runtime, [example])).outputs;
  runtime.dispose();
  expect(outputs[0]).toEqual(new Float32Array(4_096).fill(first ?? Number.NaN));
});

/** A graph that gives its inputs back, in the place of the forest's. */
function write(inputs: readonly Value[], outputs: readonly Value[] = inputs): void {
  const nodes = outputs.map(({ name, isSequence }, i) => ({
    op: isSequence ? 'SequenceConstruct' : 'Identity',
    inputs: [inputs[i]?.name ?? ''],
    output: name,
  }));
  writeFileSync(join(folder, 'model.onnx'), writeOnnx({ inputs, outputs, nodes }));
}

const floats = (name: string, shape: Value['shape']): Value => ({ name, type: 'float32', shape });
const PLANT = floats('plant', ['rows', 4]);
const LABEL = floats('label', ['rows', 4]);

it('names every member of a manifest that its graph does not bear out', async () => {
  write(
    [{ name: 'plant', type: 'int64', shape: ['rows', 4] }, floats('soil', ['rows', 1])],
    [
      { name: 'label', type: 'int64', shape: ['rows', 4] },
      { ...floats('probabilities', ['rows', 1]), isSequence: true },
    ],
  );
  const loading = loadModelRuntime(folder);
  await expect(loading).rejects.toThrow(
    [
      `model package ${folder}:`,
      '#/columns put float32 into the tensor "plant" of int64: it needs "dtype": "int32"',
      '#/columns put nothing into the input tensor "soil"',
      '#/outputs/1/tensor "probabilities" is of a sequence or a map (of a classifier, convert it with zipmap=False); a result is made of float32, float64, int32, int64, uint8, bool',
      '#/outputs/2/tensor "probabilities" is of',
    ].join('\n  - '),
  );
});

/** Graphs that no manifest could be bound to, and what is said of them. */
const UNUSABLE: [string, readonly Value[], RegExp][] = [
  [
    'fixed to two rows',
    [floats('plant', [2, 4])],
    /input tensor "plant" of shape \[2,4\] needs an open first size, for the rows: export/,
  ],
  ['without rows', [floats('plant', [])], /input tensor "plant" of shape \[\] needs an open first size/],
  [
    'of other inputs',
    [floats('plant', ['rows', 3])],
    /#\/columns put 4 numbers a row into the tensor "plant" of shape \[-1,3\]/,
  ],
  [
    'of strings',
    [{ name: 'plant', type: 'string', shape: ['rows', 4] }],
    /#\/columns cannot fill the input tensor "plant", which takes string/,
  ],
];

it.each(UNUSABLE)('refuses a graph %s', async (_, inputs, message) => {
  write(inputs, [{ ...inputs[0]!, name: 'label' }]);
  await expect(loadModelRuntime(folder)).rejects.toThrow(message);
});

it('says which file is missing, is no graph, or wants other files', async () => {
  rmSync(join(folder, 'model.onnx'));
  await expect(loadModelRuntime(folder)).rejects.toThrow(/model\.onnx:\n {2}- ENOENT/);
  writeFileSync(join(folder, 'model.onnx'), 'no graph');
  await expect(loadModelRuntime(folder)).rejects.toThrow(
    /^model package .*model\.onnx:\n {2}- Failed to load model because protobuf parsing failed/,
  );
  // Within the working folder ONNX Runtime would read the file.
  const file = 'package.json';
  const weights = { name: 'weights', shape: [1], data: new Float32Array(1), file };
  const nodes = [{ op: 'Add', inputs: ['plant', 'weights'], output: 'label' }];
  const graph = { inputs: [PLANT], outputs: [LABEL], nodes, constants: [weights] };
  writeFileSync(join(folder, 'model.onnx'), writeOnnx(graph));
  expect(readFileSync(resolve(file)).length).toBeGreaterThan(4);
  await expect(loadModelRuntime(folder)).rejects.toThrow(
    /model\.onnx:\n {2}- export it as one file, without external data \(.*initializer: weights/,
  );
});

it('throws what a graph says of rows that it cannot take, and answers the next', async () => {
  const nodes = [
    { op: 'Cast', inputs: ['plant'], output: 'row', attributes: { to: 7 } },
    { op: 'Gather', inputs: ['table', 'row'], output: 'label' },
  ];
  const table = { name: 'table', shape: [20], data: Float32Array.from({ length: 20 }, (_, i) => i * 2) };
  writeFileSync(
    join(folder, 'model.onnx'),
    writeOnnx({ inputs: [PLANT], outputs: [LABEL], nodes, constants: [table] }),
  );
  const manifestFile = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as object;
  const outputs = [{ member: 'double', tensor: 'label' }];
  writeFileSync(manifestFile, JSON.stringify({ ...manifest, outputs }));
  const runtime = await loadModelRuntime(folder);
  await expect(predict(runtime, [{ temperature: 20, humidity: 0 }])).rejects.toThrow(
    /indices element out of data bounds/,
  );
  const { outputs: found } = await predict(runtime, [
    { temperature: 7, humidity: 0 },
    { temperature: 19, humidity: 1 },
  ]);
  runtime.dispose();
  expect(found).toEqual([Float32Array.of(14, 38)]);
});
