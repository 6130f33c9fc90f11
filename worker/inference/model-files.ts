import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, ModelPackageError } from '../../shared/errors.js';
import { type Manifest, readManifest } from '../../shared/model/manifest.js';

/** One weight as `model.json` lists it: its name, its shape, its type, and how it was quantized, if it was. */
export interface WeightSpec {
  name: string;
  shape: number[];
  dtype: 'float32' | 'int32' | 'bool' | 'string' | 'complex64';
}

/**
 * A model package as read at one moment. It is kept in memory, so that an inference process that has to be started
 * again runs the same version, whatever lies in the folder by then.
 */
export interface ModelFiles {
  folder: string;
  manifest: Manifest;
  /** What `model.json` says of the network. */
  model: { modelTopology: object; signature?: object };
  weightSpecs: WeightSpec[];
  weights: Uint8Array;
}

interface ModelJson {
  format?: string;
  modelTopology?: object;
  signature?: object;
  weightsManifest?: { paths: string[]; weights: WeightSpec[] }[];
}

/** What `model.json` calls the formats of a manifest. */
const FORMATS = { 'tfjs-layers': 'layers-model', 'tfjs-graph': 'graph-model' } as const;

/** Reads a package's manifest, `model.json` and weights. Throws {@link ModelPackageError} when one is unusable. */
export function readModelFiles(folder: string): ModelFiles {
  const manifest = readManifest(folder);
  const path = join(folder, 'model.json');
  const json = readModelJson(path);
  if (!json.modelTopology) throw new ModelPackageError(path, ['#/modelTopology is missing']);
  if (json.format !== undefined && json.format !== FORMATS[manifest.format]) {
    throw new ModelPackageError(folder, [
      `#/format is "${manifest.format}" in manifest.json, and "${json.format}" in model.json`,
    ]);
  }
  const groups = json.weightsManifest ?? [];
  const parts = groups.flatMap((group) => group.paths.map((name) => readPart(join(folder, name))));
  return {
    folder,
    manifest,
    model: {
      modelTopology: json.modelTopology,
      ...(json.signature ? { signature: json.signature } : {}),
    },
    weightSpecs: groups.flatMap((group) => group.weights),
    weights: new Uint8Array(Buffer.concat(parts)),
  };
}

function readModelJson(path: string): ModelJson {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ModelJson;
  } catch (cause) {
    throw new ModelPackageError(path, [messageOf(cause)]);
  }
}

function readPart(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ModelPackageError(path, [`a weight file that model.json names: ${messageOf(cause)}`]);
  }
}
