import { messageOf, ModelPackageError } from '../../../shared/errors.js';
import type { Columns, ColumnLayout, TensorSpec } from '../../../shared/model/columns.js';
import { IMAGE_LIMIT_PIXELS } from '../../../shared/model/image-members.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { pictureOf } from '../../../shared/model/picture.js';
import { isImageColumn } from '../../../shared/model/tensor-members.js';
import { importOptional } from './engines/engine.js';

/** The part of `sharp` that inference uses, so that the build needs none of its types. */
interface Sharp {
  autoOrient(): Sharp;
  resize(options: { width: number; height: number; fit: string }): Sharp;
  flatten(options: { background: string }): Sharp;
  toColourspace(name: 'srgb' | 'b-w'): Sharp;
  raw(): Sharp;
  toBuffer(): Promise<Buffer>;
}
interface SharpPackage {
  (bytes: Uint8Array, options: { limitInputPixels: number; failOn: 'error' }): Sharp;
  cache(isOn: false): void;
  concurrency(threads: number): void;
  block(what: { operation: string[] }): void;
  unblock(what: { operation: string[] }): void;
}

let sharp: Promise<SharpPackage> | undefined;

async function importSharp(): Promise<SharpPackage> {
  const { default: loaded } = (await importOptional('sharp')) as { default: SharpPackage };
  loaded.cache(false);
  loaded.concurrency(1);
  // Of all that libvips reads, only what the API lets through.
  loaded.block({ operation: ['VipsForeignLoad'] });
  loaded.unblock({
    operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
  });
  return loaded;
}

/** Loads what decodes images, where columns have some. Throws {@link ModelPackageError} where it is missing. */
export async function loadDecoder(folder: string, { columns }: Pick<Manifest, 'columns'>): Promise<void> {
  const at = columns.findIndex(isImageColumn);
  if (at < 0) return;
  try {
    await (sharp ??= importSharp());
  } catch (error) {
    const advice =
      'npm start installs the workspace worker/images once it finds a package with images: stop it and start it again; ' +
      'an image of containers has it when it is built with WITH_IMAGES=1';
    throw new ModelPackageError(folder, [
      `#/columns/${at} "${columns[at]!.member}" is an image, and ${messageOf(error)}: ${advice}`,
    ]);
  }
}

/**
 * Decodes the images of rows to the bytes of their tensors' shapes: upright, on white where they are transparent. A row whose
 * image cannot be decoded is one without it, and has the reason among the faults, which are undefined where nothing is wrong.
 */
export async function decodeImages(
  { tensors, images }: ColumnLayout,
  columns: Columns,
): Promise<{ columns: Columns; faults?: Record<number, string> | undefined }> {
  const { rows, arrays } = columns;
  if (images === 0) return { columns };
  let faults: Record<number, string> | undefined;
  const specs = tensors.filter(({ image }) => image);
  const decoded = specs.map(({ width, image }) => new Uint8Array(rows * width).fill(image!.absent));
  // One after the other: an inference process takes one core, and libvips tells errors of all threads in one place.
  for (let at = 0; at < rows * images; at += 1) {
    const [row, place] = [Math.floor(at / images), at % images];
    const file = arrays[tensors.length + at] as Uint8Array;
    if (file.length === 0) continue;
    const spec = specs[place]!;
    try {
      decoded[place]!.set(await decode(file, spec), row * spec.width);
    } catch (error) {
      const [why = ''] = messageOf(error).split('\n', 1);
      faults ??= {};
      faults[row] ??= `the image "${spec.image!.member}" cannot be decoded: ${why}`;
    }
  }
  return {
    columns: { rows, arrays: tensors.map(({ image }, i) => (image ? decoded.shift()! : arrays[i]!)) },
    faults,
  };
}

async function decode(file: Uint8Array, { width, shape = [], image }: TensorSpec): Promise<Uint8Array> {
  const layout = pictureOf(shape)!;
  const load = await (sharp ??= importSharp());
  const pixels = await load(file, { limitInputPixels: IMAGE_LIMIT_PIXELS, failOn: 'error' })
    .autoOrient()
    .flatten({ background: 'white' })
    .resize({ width: layout.width, height: layout.height, fit: image!.fit })
    .toColourspace(layout.channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();
  if (pixels.length !== width) throw new Error(`it has ${pixels.length} bytes and not ${width}`);
  if (!layout.isPlanar || layout.channels === 1) return pixels;
  const planes = new Uint8Array(width);
  const size = width / 3;
  for (let at = 0; at < width; at += 1) planes[(at % 3) * size + Math.floor(at / 3)] = pixels[at]!;
  return planes;
}
