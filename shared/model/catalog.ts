import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ModelPackageError } from '../errors.js';
import { type Manifest, readManifest } from './manifest.js';

/** A model package on disk. */
export interface ModelPackage {
  folder: string;
  manifest: Manifest;
}

/** Every model package in a folder, by name. */
export type ModelCatalog = ReadonlyMap<string, ModelPackage>;

/**
 * Reads every folder of `modelsDir` that holds a `manifest.json`. Throws {@link ModelPackageError} when one is
 * wrong, when a folder's name is not its model's, or when there is none at all.
 */
export function readCatalog(modelsDir: string): ModelCatalog {
  const folders = existsSync(modelsDir)
    ? readdirSync(modelsDir, { withFileTypes: true }).filter((e) => e.isDirectory() || e.isSymbolicLink())
    : [];
  const catalog = new Map<string, ModelPackage>();
  for (const entry of folders.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const folder = join(modelsDir, entry.name);
    if (!existsSync(join(folder, 'manifest.json'))) continue;
    const manifest = readManifest(folder);
    if (manifest.name !== entry.name) {
      throw new ModelPackageError(folder, [
        `#/name is "${manifest.name}": the folder must have the same name`,
      ]);
    }
    catalog.set(manifest.name, { folder, manifest });
  }
  if (catalog.size === 0) {
    throw new ModelPackageError(modelsDir, [
      'no model package found: point MODELS_DIR at a folder that holds one folder a model, each with a manifest.json',
    ]);
  }
  return catalog;
}
