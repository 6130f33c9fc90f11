import { closeSync, read } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, ModelPackageError } from '../../../shared/errors.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { readManifest } from '../../../shared/model/read-manifest.js';
import { openPackageFile, type PackageFile } from '../../../shared/model/package-file.js';
import { createAjv, violationsOf } from '../../../shared/validation/ajv.js';
import { type Static, Type } from '../../../shared/validation/schema.js';

/** Bytes of one number by its type; strings are of no fixed size. */
const SIZES = { float32: 4, int32: 4, bool: 1, complex64: 8, float16: 2, uint16: 2, uint8: 1 } as const;

const oneOf = <const T extends string>(...words: readonly T[]) =>
  Type.Unsafe<T>({ type: 'string', enum: words });

const Weight = Type.Object({
  name: Type.String(),
  shape: Type.Array(Type.Integer({ minimum: 0 })),
  dtype: oneOf('float32', 'int32', 'bool', 'string', 'complex64'),
  quantization: Type.Optional(Type.Object({ dtype: oneOf('float16', 'uint16', 'uint8') })),
});
/** One weight as `model.json` lists it: its name, its shape, its type, and how it was quantized, if it was. */
export type WeightSpec = Static<typeof Weight>;

const ModelJson = Type.Object({
  format: Type.Optional(Type.String()),
  modelTopology: Type.Optional(Type.Unsafe<object>({ type: 'object' })),
  signature: Type.Optional(Type.Unsafe<object>({ type: 'object' })),
  weightsManifest: Type.Optional(
    Type.Array(Type.Object({ paths: Type.Array(Type.String()), weights: Type.Array(Weight) })),
  ),
});
type ModelJson = Static<typeof ModelJson>;
type WeightGroup = NonNullable<ModelJson['weightsManifest']>[number];

/** Largest files that are read. One array holds all weights of a model. */
const LIMIT_BYTES = { modelJson: 67_108_864, weights: 2_147_483_647 } as const;

/**
 * A model package as read at one moment. It is kept in memory, so that an inference process that has to be started
 * again runs the same version, whatever lies in the folder by then.
 */
export interface ModelFiles {
  folder: string;
  manifest: Manifest;
  /** The network as `model.json` describes it; of ONNX nothing, since its one file does. */
  model: { modelTopology: object; signature?: object };
  weightSpecs: WeightSpec[];
  /** All weights, one after the other; of ONNX the whole of `model.onnx`. */
  weights: Uint8Array;
}

/** Names in `model.json` of the formats of a manifest. */
const FORMATS = { 'tfjs-layers': 'layers-model', 'tfjs-graph': 'graph-model' } as const;

/**
 * Reads a package's manifest, network and weights without holding up the event loop; a manifest that is given is taken in place
 * of the file. Rejects with {@link ModelPackageError} when one is unusable.
 */
export async function readModelFiles(
  folder: string,
  manifest: Manifest = readManifest(folder),
): Promise<ModelFiles> {
  if (manifest.format === 'onnx') {
    const weights = await readWhole(folder, 'model.onnx', LIMIT_BYTES.weights);
    return { folder, manifest, model: { modelTopology: {} }, weightSpecs: [], weights };
  }
  const path = join(folder, 'model.json');
  const json = await readModelJson(folder);
  if (!json.modelTopology) throw new ModelPackageError(path, ['#/modelTopology is missing']);
  if (json.format !== undefined && json.format !== FORMATS[manifest.format]) {
    throw new ModelPackageError(folder, [
      `#/format is "${manifest.format}" in manifest.json, and "${json.format}" in model.json`,
    ]);
  }
  const groups = json.weightsManifest ?? [];
  return {
    folder,
    manifest,
    model: {
      modelTopology: json.modelTopology,
      ...(json.signature ? { signature: json.signature } : {}),
    },
    weightSpecs: groups.flatMap((group) => group.weights),
    weights: await readWeights(folder, groups),
  };
}

/** A network of TensorFlow.js without a manifest: its format, and the names of its weight files. */
export async function lookIntoModelJson(
  folder: string,
  name: string,
): Promise<{ format: Manifest['format']; paths: string[] }> {
  const { format, modelTopology = {}, weightsManifest = [] } = await readModelJson(folder, name);
  const isGraph = format === undefined ? 'node' in modelTopology : format === FORMATS['tfjs-graph'];
  return {
    format: isGraph ? 'tfjs-graph' : 'tfjs-layers',
    paths: weightsManifest.flatMap(({ paths }) => paths),
  };
}

async function readModelJson(folder: string, name = 'model.json'): Promise<ModelJson> {
  const path = join(folder, name);
  const text = await readWhole(folder, name, LIMIT_BYTES.modelJson);
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(text.buffer).toString());
  } catch (cause) {
    throw new ModelPackageError(path, [messageOf(cause)]);
  }
  const validate = createAjv().compile<ModelJson>(ModelJson);
  if (validate(json)) return json;
  const problems = violationsOf(validate).map(({ pointer, detail }) => `${pointer} ${detail}`);
  throw new ModelPackageError(path, problems.slice(0, 20));
}

type WeightFile = PackageFile & { group: WeightGroup };

/** Every group's files, one after the other. Each group has to have the bytes of the weights that it lists. */
async function readWeights(folder: string, groups: readonly WeightGroup[]): Promise<Uint8Array> {
  const files: WeightFile[] = [];
  try {
    let left: number = LIMIT_BYTES.weights;
    for (const group of groups) {
      for (const name of group.paths) {
        const file = openPackageFile(folder, name, left, 'a weight file that model.json names: ');
        files.push({ ...file, group });
        left -= file.bytes;
      }
    }
    const weights = new Uint8Array(LIMIT_BYTES.weights - left);
    let at = 0;
    for (const { fd, bytes } of files) {
      await fill(fd, weights.subarray(at, at + bytes));
      at += bytes;
    }
    checkSizes(folder, groups, { files, weights });
    return weights;
  } finally {
    for (const { fd } of files) closeSync(fd);
  }
}

async function readWhole(folder: string, name: string, limitBytes: number): Promise<Uint8Array> {
  const { fd, bytes } = openPackageFile(folder, name, limitBytes);
  const whole = new Uint8Array(bytes);
  await fill(fd, whole).finally(() => closeSync(fd));
  return whole;
}

const readSome = promisify(read);

async function fill(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await readSome(fd, bytes, at, bytes.length - at, null);
    // The file is shorter than it was a moment ago: somebody writes it now.
    if (bytesRead === 0) throw new Error('a file of the package shrank while it was read');
    at += bytesRead;
  }
}

function checkSizes(
  folder: string,
  groups: readonly WeightGroup[],
  { files, weights }: { files: readonly WeightFile[]; weights: Uint8Array },
): void {
  let at = 0;
  const problems = groups.flatMap((group, index) => {
    const held = files.reduce((sum, file) => (file.group === group ? sum + file.bytes : sum), 0);
    const listed = bytesOf(group.weights, new DataView(weights.buffer, at, held));
    at += held;
    if (listed === held) return [];
    const difference = held > listed ? `${held - listed} too many` : `${listed - held} are missing`;
    return [
      `#/weightsManifest/${index}: ${group.paths.join(', ')} hold ${held} bytes, its weights take ${listed}: ${difference}`,
    ];
  });
  if (problems.length > 0) throw new ModelPackageError(join(folder, 'model.json'), problems);
}

/** Bytes of the weights. Each string comes with its length before it. */
function bytesOf(specs: readonly WeightSpec[], held: DataView): number {
  let bytes = 0;
  for (const { shape, dtype, quantization } of specs) {
    const count = shape.reduce((product, size) => product * size, 1);
    if (dtype !== 'string') bytes += count * SIZES[quantization?.dtype ?? dtype];
    else {
      for (let i = 0; i < count && bytes <= held.byteLength; i += 1) {
        bytes += 4 + (bytes + 4 <= held.byteLength ? held.getUint32(bytes, true) : 0);
      }
    }
  }
  return bytes;
}
