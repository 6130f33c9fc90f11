import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tf = require('@tensorflow/tfjs-core');
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { makeFolder } from '../../shared/process/make-folder.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { parseManifest } from '../../shared/model/read-manifest.js';
import type { ModelFiles } from '../../worker/inference/parent/model-files.js';

/**
 * A network and its manifest as the files of a package, in memory: to be loaded as the worker will load them, and to
 * be written. Throws `ModelPackageError` when the manifest is wrong.
 */
export async function packModel(
  folder: string,
  network: LayersModel,
  manifest: Manifest,
): Promise<ModelFiles> {
  parseManifest(manifest, join(folder, 'manifest.json'));
  let saved: tf.io.ModelArtifacts | undefined;
  await network.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = artifacts;
      return Promise.resolve({ modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) });
    }),
  );
  const { modelTopology, weightSpecs, weightData } = saved ?? {};
  if (!weightData || !weightSpecs || !modelTopology || modelTopology instanceof ArrayBuffer) {
    throw new Error('TensorFlow.js handed over a model without its weights or its layers');
  }
  const weights = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
  return { folder, manifest, model: { modelTopology }, weightSpecs, weights };
}

/**
 * Writes a package: `manifest.json`, `model.json`, `weights.bin`, and `documents` by name, such as the model card.
 * Each file appears whole and the manifest last, over a package that may have been there before.
 */
export function writePackage(files: ModelFiles, documents: Readonly<Record<string, string>>): void {
  const { folder, manifest, model, weightSpecs, weights } = files;
  const modelJson = {
    format: 'layers-model',
    ...model,
    weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
  };
  makeFolder(folder);
  writeWhole(join(folder, 'weights.bin'), weights);
  writeWhole(join(folder, 'model.json'), `${JSON.stringify(modelJson)}\n`);
  for (const [name, text] of Object.entries(documents)) writeWhole(join(folder, name), text);
  writeWhole(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

function writeWhole(file: string, content: string | Uint8Array): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
