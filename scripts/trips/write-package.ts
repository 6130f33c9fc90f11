import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type Manifest, parseManifest } from '../../shared/model/manifest.js';

/** A model and what describes it, ready to be written. */
export interface PackageContents {
  manifest: Manifest;
  network: LayersModel;
  /** Further files by name within the folder, such as the model card. */
  documents: Readonly<Record<string, string>>;
}

/**
 * Writes a model package that the API and the worker can read: `manifest.json`, `model.json`, `weights.bin` and
 * the documents. The manifest is checked first. Each file appears whole, the manifest as the last one, so a
 * package that was there before is replaced without a half-written file ever lying in it.
 */
export async function writePackage(folder: string, contents: PackageContents): Promise<void> {
  parseManifest(contents.manifest, join(folder, 'manifest.json'));
  const { model, weights } = await serialize(contents.network);
  mkdirSync(folder, { recursive: true });
  writeWhole(join(folder, 'weights.bin'), weights);
  writeWhole(join(folder, 'model.json'), `${JSON.stringify(model)}\n`);
  for (const [name, text] of Object.entries(contents.documents)) writeWhole(join(folder, name), text);
  writeWhole(join(folder, 'manifest.json'), `${JSON.stringify(contents.manifest, null, 2)}\n`);
}

async function serialize(network: LayersModel): Promise<{ model: object; weights: Uint8Array }> {
  let artifacts: io.ModelArtifacts | undefined;
  await network.save(
    io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: io.getModelArtifactsInfoForJSON(saved) };
    }),
  );
  if (!artifacts?.weightData) throw new Error('TensorFlow.js handed over a model without weights');
  const model = {
    format: artifacts.format,
    generatedBy: artifacts.generatedBy,
    modelTopology: artifacts.modelTopology,
    weightsManifest: [{ paths: ['weights.bin'], weights: artifacts.weightSpecs }],
  };
  return { model, weights: new Uint8Array(io.CompositeArrayBuffer.join(artifacts.weightData)) };
}

function writeWhole(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
