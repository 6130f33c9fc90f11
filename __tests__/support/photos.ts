import { createRequire } from 'node:module';
import { join } from 'node:path';
import { tensor1d } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { packModel, writePackage } from '../../scripts/trips/model-package.js';
import type { Manifest, ManifestColumn } from '../../shared/model/manifest.js';
import { sizeOf } from '../../shared/model/tensor-members.js';
import { ENGINES } from '../../worker/inference/child/engines/engines.js';

/** The part of `sharp` with which tests make pictures. */
interface Sharp {
  composite(pictures: { input: Buffer; left: number; top: number }[]): Sharp;
  withMetadata(options: { orientation: number }): Sharp;
  jpeg(options?: { quality: number; chromaSubsampling: '4:4:4' }): Sharp;
  png(): Sharp;
  webp(options?: { lossless: boolean }): Sharp;
  gif(): Sharp;
  toBuffer(): Promise<Buffer>;
}
type MakeSharp = (options: {
  create: { width: number; height: number; channels: 3 | 4; background: string | object };
  limitInputPixels?: false;
}) => Sharp;

const required = createRequire(__filename);
let made: MakeSharp | undefined;
try {
  made = required('sharp') as MakeSharp;
} catch {
  process.stderr.write('NOT RUN: tests that decode images: sharp (worker/images) is not installed\n');
}

/** `describe` where there is sharp; elsewhere a skipped one, which is said aloud. */
export const withSharp = made === undefined && process.env['CI'] !== 'true' ? describe.skip : describe;

/** A picture of one colour. */
export function plain(
  width: number,
  height: number,
  background: string | object = 'black',
  channels: 3 | 4 = 3,
): Sharp {
  if (!made) throw new Error('sharp is not installed, and could not be');
  return made({ create: { width, height, channels, background }, limitInputPixels: false });
}

/** A picture whose left half is red, and whose right half is blue, as a PNG. */
export const halves = async (width: number, height: number): Promise<Sharp> =>
  plain(width, height, '#f00').composite([
    {
      input: await plain(width / 2, height, '#00f')
        .png()
        .toBuffer(),
      left: width / 2,
      top: 0,
    },
  ]);

const PROPERTIES = {
  photo: { type: 'string', title: 'Photo' },
  bias: { type: 'number', minimum: -1, maximum: 1 },
};

/** The manifest of a model that answers the pixels of its photo. */
export const photoManifest = (column: Partial<ManifestColumn> = {}, name = 'photo'): Manifest => {
  const { shape = [2, 4, 3] } = column;
  return {
    schema: 1,
    name,
    version: '1.0.0',
    title: 'Photo',
    description: 'The pixels of a photo.',
    format: 'tfjs-layers',
    input: {
      type: 'object',
      properties: PROPERTIES,
      required: column.default === undefined ? ['photo'] : [],
      additionalProperties: false,
    },
    example: {
      photo: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==',
    },
    columns: [
      { member: 'photo', encoding: 'image', tensor: 'photo', shape, ...column },
      { member: 'bias', encoding: 'number', tensor: 'bias' },
    ],
    outputs: [{ member: 'pixels', tensor: 'pixels', shape: [sizeOf(shape)] }],
    figures: {},
  };
};

/** Writes the package of a model that answers the pixels of its photo, each plus a bias. */
export async function writePhoto(models: string, column: Partial<ManifestColumn> = {}): Promise<string> {
  await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
  const manifest = photoManifest(column);
  const { shape = [] } = manifest.columns[0]!;
  const photo = tfl.input({ shape, name: 'photo' });
  const bias = tfl.input({ shape: [1], name: 'bias' });
  const flat = tfl.layers.flatten().apply(photo) as tfl.SymbolicTensor;
  const pixels = tfl.layers.add({ name: 'pixels' }).apply([flat, bias]) as tfl.SymbolicTensor;
  // A layer with a weight, without which a package is refused.
  const ends = tfl.layers.dense({ units: 1, name: 'sum' }).apply(pixels) as tfl.SymbolicTensor;
  const network = tfl.model({ inputs: [photo, bias], outputs: [pixels, ends] });
  network.getLayer('sum').setWeights([network.getLayer('sum').getWeights()[0]!, tensor1d([0])]);
  const folder = join(models, manifest.name);
  writePackage(await packModel(folder, network, manifest), {});
  network.dispose();
  return folder;
}
