import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tfl from '@tensorflow/tfjs-layers';
import { checkPackage } from '../../../scripts/packages/check-package.js';
import { initPackage } from '../../../scripts/packages/init-package.js';
import { packModel, writePackage } from '../../../scripts/trips/model-package.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { readManifest } from '../../../shared/model/read-manifest.js';
import { createRowReader } from '../../../shared/model/row-reader.js';
import { ENGINES } from '../../../worker/inference/child/engines/engines.js';
import { loadModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { built, FIXTURES, ONNX_FIXTURES } from '../../support/paths.js';
import { photoManifest } from '../../support/photos.js';
import { writeModel } from '../../support/rigs/models-folder.js';
import { waggle } from '../../support/run-program.js';
import { waggleHere } from '../../support/waggle-here.js';
import { type Value, writeOnnx } from '../../support/write-onnx.mjs';

const GREENHOUSE = join(FIXTURES, 'greenhouse');
const DISAGREEING = join(FIXTURES, '../engines/disagreeing.mjs');
let models: string;
beforeEach(() => {
  models = mkdtempSync(join(tmpdir(), 'waggle-packages-'));
});
afterEach(() => rmSync(models, { recursive: true, force: true }));

const init = (file: string, name: string, shapes: Record<string, number[]> = {}) =>
  initPackage({ file, folder: join(models, name), rowShapes: new Map(Object.entries(shapes)) });

/** What the package of a name answers. */
async function answer(name: string, input: Record<string, unknown>) {
  const runtime = await loadModelRuntime(join(models, name));
  const columns = runtime.layout.allocate(1);
  runtime.layout.write(columns, 0, input);
  const { outputs } = await runtime.predict(columns);
  runtime.dispose();
  return createRowReader(runtime.manifest)(outputs, 0);
}

/** Writes a graph of ONNX that gives its input back. */
function writeEcho(name: string, type: Value['type'], shape: Value['shape']): string {
  const file = join(models, `${name}.onnx`);
  const value = { name: 'x', type, shape };
  const nodes = [{ op: 'Identity', inputs: ['x'], output: 'y' }];
  writeFileSync(file, writeOnnx({ inputs: [value], outputs: [{ ...value, name: 'y' }], nodes }));
  return file;
}

describe('waggle model init', () => {
  it('makes a package of a graph of TensorFlow, by the names of its signature, and keeps a manifest', async () => {
    const { questions } = await init(join(GREENHOUSE, 'model.json'), 'wet');
    expect(readManifest(join(models, 'wet'))).toMatchObject({
      name: 'wet',
      format: 'tfjs-graph',
      example: { air_0: 0, air_1: 0, season: 0, vent: false },
      columns: [
        { member: 'air_0', encoding: 'number', tensor: 'air' },
        { member: 'air_1', encoding: 'number', tensor: 'air' },
        { member: 'season', encoding: 'integer', tensor: 'season' },
        { member: 'vent', encoding: 'boolean', tensor: 'vent' },
      ],
      outputs: [
        { member: 'water', tensor: 'water' },
        { member: 'risks', tensor: 'risks', shape: [2] },
      ],
    });
    expect(questions.join()).toContain('the 2 numbers of the tensor "air", in the order of air_0, air_1?');
    const input = { air_0: 20, air_1: 0.5, season: 2, vent: true };
    expect(await answer('wet', input)).toMatchObject({ result: { water: 2.25 } });
    await expect(init(join(GREENHOUSE, 'model.json'), 'wet')).rejects.toThrow('kept as it is');
  });

  it('makes a package of a classifier in ONNX that answers as before', async () => {
    await init(join(ONNX_FIXTURES, 'forest/model.onnx'), 'wood');
    const { columns, outputs } = readManifest(join(models, 'wood'));
    expect(columns.map(({ member }) => member)).toEqual(['plant_0', 'plant_1', 'plant_2', 'plant_3']);
    expect(outputs).toEqual([
      { member: 'label', tensor: 'label' },
      { member: 'probabilities', tensor: 'probabilities', shape: [3] },
    ]);
    const file = readFileSync(join(ONNX_FIXTURES, 'forest/answers.json'), 'utf8');
    const [first = []] = JSON.parse(file) as number[][];
    const [plant_0, plant_1, plant_2, plant_3, label, ...probabilities] = first;
    const near = probabilities.map((value): unknown => expect.closeTo(value, 5));
    expect(await answer('wood', { plant_0, plant_1, plant_2, plant_3 })).toEqual({
      ok: true,
      result: { label, probabilities: near },
    });
  });

  it('takes pictures as images, other tensors as arrays, and results in their shape', async () => {
    await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
    const picture = tfl.input({ shape: [8, 6, 3], name: 'picture' });
    const series = tfl.input({ shape: [40, 2], name: 'series' });
    const small = tfl.layers.maxPooling2d({ poolSize: 2, name: 'small' });
    const again = tfl.layers.activation({ activation: 'linear', name: 'again' });
    const outputs = [small.apply(picture), again.apply(series)] as tfl.SymbolicTensor[];
    const network = tfl.model({ inputs: [picture, series], outputs });
    const folder = join(models, 'mixed');
    const any = readManifest(GREENHOUSE);
    writePackage(await packModel(folder, network, { ...any, format: 'tfjs-layers' }), {});
    network.dispose();
    rmSync(join(folder, 'manifest.json'));
    await init(join(folder, 'model.json'), 'mixed');
    expect(readManifest(folder)).toMatchObject({
      format: 'tfjs-layers',
      example: { picture: photoManifest().example['photo'], series: Array.from({ length: 80 }, () => 0) },
      columns: [
        { member: 'picture', encoding: 'image', shape: [8, 6, 3] },
        { member: 'series', encoding: 'array', shape: [40, 2] },
      ],
      outputs: [
        { member: 'small', shape: [4, 3, 3] },
        { member: 'again', shape: [40, 2] },
      ],
    });
  });

  it('finds the names of the tensors of a Sequential model', async () => {
    await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
    const layers = [tfl.layers.dense({ units: 1, inputShape: [2], kernelInitializer: 'ones', name: 'sum' })];
    const network = tfl.sequential({ layers });
    const folder = join(models, 'row');
    writePackage(
      await packModel(folder, network, { ...readManifest(GREENHOUSE), format: 'tfjs-layers' }),
      {},
    );
    network.dispose();
    rmSync(join(folder, 'manifest.json'));
    await init(join(folder, 'model.json'), 'row');
    expect(await answer('row', { sum_input_0: 1, sum_input_1: 2 })).toEqual({ ok: true, result: { sum: 3 } });
  });

  it('asks for the sizes that a file leaves open', async () => {
    const file = writeEcho('echo', 'float32', ['rows', 'height', 'width', 4]);
    await expect(init(file, 'echo')).rejects.toThrow('shape [-1, -1, -1, 4] has open sizes');
    await expect(init(file, 'echo', { z: [1] })).rejects.toThrow('--shape names "z"');
    await init(file, 'echo', { x: [600, 600, 4] });
    const { example, input } = readManifest(join(models, 'echo'));
    // Too long for a manifest: the member may be absent, and is zeros then.
    expect([example, input.required]).toEqual([{}, []]);
  });

  it.each<[string, Value['type'], Value['shape'], string]>([
    ['words', 'string', ['rows', 1], '"x" takes string, and columns fill float32, '],
    ['rows', 'float32', [7, 2], 'needs an open first size'],
    ['large', 'float32', ['rows', 1e9], 'has 1000000000 numbers a row'],
    ['Bad_Name', 'float32', ['rows', 1], '#/name must match pattern'],
  ])('refuses %s, with the reason and without a manifest', async (name, type, shape, reason) => {
    await expect(init(writeEcho(name, type, shape), name)).rejects.toThrow(reason);
    expect(() => readManifest(join(models, name))).toThrow('no such file');
  });

  it('copies nothing from outside the folder of model.json', async () => {
    const inner = join(models, 'inner');
    mkdirSync(inner);
    writeFileSync(join(models, 'secret'), 'x');
    const weightsManifest = [{ paths: ['../secret'], weights: [] }];
    writeFileSync(join(inner, 'net.json'), JSON.stringify({ modelTopology: {}, weightsManifest }));
    await expect(init(join(inner, 'net.json'), 'out/copy')).rejects.toThrow('is no plain file name');
  });
});

describe('waggle model check', () => {
  const check = (folder: string, entry = built('worker/inference/child/main.js')) =>
    checkPackage(folder, 8, entry);
  function changed(change: (manifest: Manifest) => object): string {
    const folder = join(models, 'greenhouse');
    cpSync(GREENHOUSE, folder, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
    writeFileSync(
      join(folder, 'manifest.json'),
      JSON.stringify({ ...manifest, ...change(manifest), figures: {} }),
    );
    return folder;
  }

  it('measures a row alone and in full micro-batches, and gives the answer', async () => {
    const { faults, engines, answer: given } = await check(join(ONNX_FIXTURES, 'forest'));
    expect(faults).toEqual([]);
    const time: unknown = expect.any(Number);
    expect(engines).toMatchObject([
      {
        engine: 'onnx',
        difference: 0,
        times: [
          { rows: 1, ms: time },
          { rows: 8, ms: time },
        ],
      },
    ]);
    expect(given).toMatchObject({ ok: true, result: { kind: time } });
  });

  it('names engines that differ, and takes those that are not here or crash for no fault', async () => {
    await init(join(GREENHOUSE, 'model.json'), 'wet');
    const { faults, engines } = await check(join(models, 'wet'), DISAGREEING);
    expect(faults).toEqual([
      expect.stringMatching(/^node answers the example with 0\S* where wasm says 0\.5/),
    ]);
    expect(engines).toMatchObject([
      { engine: 'wasm', difference: 0 },
      { engine: 'node', difference: 0.5 },
      { engine: 'webgpu', why: 'there is no GPU' },
      { engine: 'gpu', why: 'the inference process crashed (code 3)' },
    ]);
  });

  it.each<[string, (manifest: Manifest) => object, (string | RegExp)[]]>([
    ['the name', () => ({ name: 'other' }), ['#/name is "other": the folder "greenhouse" must']],
    [
      'the schema',
      () => ({ version: '1', title: '' }),
      ['#/title must NOT have fewer', '#/version must match pattern'],
    ],
    [
      'tensors',
      ({ columns, outputs }) => ({
        columns: columns.slice(1),
        outputs: outputs.map((output) => ({ ...output, tensor: 'none' })),
      }),
      [
        'wasm: #/columns put 1 numbers a row into the tensor "air" of shape [-1,2]',
        'wasm: #/outputs/0/tensor "none" is none',
        'wasm: #/outputs/1/tensor "none" is none',
      ],
    ],
    [
      'bounds',
      ({ outputs }) => ({ outputs: outputs.map((output) => ({ ...output, maximum: 0.1 })) }),
      ["wasm: #/example has no valid answer: the model's water, 2.25, is above 0.1"],
    ],
  ])('names every fault of %s', async (_, change, expected) => {
    const { faults } = await check(changed(change));
    expect(faults).toHaveLength(expected.length);
    expected.forEach((part) => expect(faults.join('\n')).toContain(part));
  });

  it('names weights that are too short, by its command, with exit code 1', async () => {
    const folder = changed(() => ({}));
    truncateSync(join(folder, 'weights.bin'), 8);
    const { code, stdout, stderr } = await waggleHere(['model', 'check', folder]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('✖ #/weightsManifest/0: weights.bin hold 8 bytes');
  });
});

it('leads from a network to a request, in three commands', async () => {
  const folder = join(models, 'wet');
  const made = await waggleHere(['model', 'init', GREENHOUSE, '--out', folder]);
  expect(made.stdout).toContain(
    `Left to do in ${join(folder, 'manifest.json')}:\n  - What does the model predict?`,
  );
  const checked = await waggle(['model', 'check', folder]);
  expect([checked.code, checked.stderr]).toEqual([0, '']);
  expect(checked.stdout).toMatch(
    /^wet 1\.0\.0 {2}tfjs-graph, 56 bytes of weights\n {2}wasm +\S+ ms a row alone, /,
  );
  const { stdout, stderr } = await waggleHere(['model', 'example', 'wet'], { MODELS_DIR: models });
  const body = '{"model":"wet","input":{"air_0":0,"air_1":0,"season":0,"vent":false}}';
  expect(stdout).toBe(`${body}\n`);
  expect(stderr).toContain(`curl -i http://127.0.0.1:8182/jobs -H 'content-type: application/json'`);
  expect(stderr).toContain(`-d '${body}'`);
});

it('shows how to send an image as the body, where a model takes one', async () => {
  writeModel(models, 'photo', '1.0.0', photoManifest());
  const { stdout, stderr } = await waggleHere(['model', 'example', 'photo'], { MODELS_DIR: models });
  expect(JSON.parse(stdout)).toEqual({ model: 'photo', input: photoManifest().example });
  expect(stderr).toContain(
    `curl -i 'http://127.0.0.1:8182/jobs?model=photo' -H 'content-type: image/jpeg' -H 'prefer: wait=10' --data-binary @photo.jpg`,
  );
});
