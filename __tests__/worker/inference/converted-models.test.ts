import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceProcess } from '../../../worker/inference/parent/inference-process.js';
import { readModelFiles } from '../../../worker/inference/parent/model-files.js';
import { loadModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { built, FIXTURES, MODELS } from '../../support/paths.js';
import { recordingLog } from '../../support/recording-log.js';

// What tensorflowjs_converter writes differs in form from what TensorFlow.js saves.

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-converted-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Weight {
  name: string;
  shape: number[];
  dtype: string;
  quantization?: object;
}

interface Node {
  name: string;
  op: string;
  input?: string[];
}

interface ModelJson {
  modelTopology: { node?: Node[] };
  weightsManifest: { paths: string[]; weights: Weight[] }[];
}

/** A copy of a package whose JSON file `name` is another. */
function copyOf(source: string, name: string, change: (json: ModelJson) => object): void {
  cpSync(source, folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')) as ModelJson)));
}

async function answerOf(packageFolder: string): Promise<number[]> {
  const runtime = await loadModelRuntime(packageFolder);
  const batch = runtime.layout.allocate(1);
  runtime.layout.write(batch, 0, { ...runtime.manifest.example });
  const { outputs } = await runtime.predict(batch);
  runtime.dispose();
  return outputs.map((values) => values[0] ?? Number.NaN);
}

const LINEAR = join(MODELS, 'trip-duration-linear');
const GREENHOUSE = join(FIXTURES, 'greenhouse');

it('takes a Keras model wrapped in what Keras says of itself, in shards that cut through a weight', async () => {
  copyOf(LINEAR, 'model.json', (model) => ({
    format: 'layers-model',
    generatedBy: 'keras v2.15.0',
    convertedBy: 'TensorFlow.js Converter v4.22.0',
    modelTopology: {
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: model.modelTopology,
      training_config: { loss: 'mse' },
    },
    weightsManifest: [
      {
        paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'],
        weights: model.weightsManifest.flatMap(({ weights }) => weights),
      },
    ],
  }));
  const weights = readFileSync(join(folder, 'weights.bin'));
  rmSync(join(folder, 'weights.bin'));
  writeFileSync(join(folder, 'group1-shard1of2.bin'), weights.subarray(0, 1_001));
  writeFileSync(join(folder, 'group1-shard2of2.bin'), weights.subarray(1_001));
  expect(await answerOf(folder)).toEqual(await answerOf(LINEAR));
});

it('takes weights that were quantized to a byte', async () => {
  // The four float32 of the kernel, .1, -.05, .5 and 2, as bytes of a scale of .01 above -.05.
  copyOf(GREENHOUSE, 'model.json', (model) => ({
    ...model,
    weightsManifest: model.weightsManifest.map((group) => ({
      ...group,
      weights: group.weights.map((weight) =>
        weight.name === 'kernel'
          ? { ...weight, quantization: { dtype: 'uint8', min: -0.05, scale: 0.01 } }
          : weight,
      ),
    })),
  }));
  const file = join(folder, 'weights.bin');
  writeFileSync(file, Buffer.concat([Buffer.from([15, 0, 55, 205]), readFileSync(file).subarray(16)]));
  const [found, exact] = [await answerOf(folder), await answerOf(GREENHOUSE)];
  expect(found).toEqual(exact.map((value) => expect.closeTo(value, 5) as number));
});

it('refuses a manifest of the other format', async () => {
  copyOf(GREENHOUSE, 'manifest.json', (manifest) => ({ ...manifest, format: 'tfjs-layers' }));
  await expect(loadModelRuntime(folder)).rejects.toThrow(
    `${folder}:\n  - #/format is "tfjs-layers" in manifest.json, and "graph-model" in model.json`,
  );
});

it('says which file holds layers that TensorFlow.js cannot read, such as those of Keras 3', async () => {
  copyOf(LINEAR, 'model.json', (model) => {
    const text = JSON.stringify(model).replaceAll('batch_input_shape', 'batch_shape');
    return JSON.parse(text) as ModelJson;
  });
  await expect(loadModelRuntime(folder)).rejects.toThrow(
    /^model package .*model\.json:\n {2}- An InputLayer should be passed either a `batchInputShape` or/,
  );
});

it('says of a graph that cannot run in one go what it holds, before a job comes', async () => {
  copyOf(GREENHOUSE, 'model.json', (model) => {
    const litres = model.modelTopology.node?.find(({ name }) => name === 'litres');
    Object.assign(litres ?? {}, { op: 'Where', input: ['vent'] });
    return model;
  });
  const options = {
    entry: built('worker/inference/child/main.js'),
    engine: 'wasm',
    log: recordingLog(),
  } as const;
  const starting = InferenceProcess.start(await readModelFiles(folder), options);
  await expect(starting).rejects.toThrow(/^model package .*:\n {2}- #\/example is not answered: .*'Where'/);
});
