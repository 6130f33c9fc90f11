import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { messageOf, ModelPackageError } from '../errors.js';
import type { Manifest } from './manifest.js';
import { readManifest } from './read-manifest.js';

/** A model package on disk. */
export interface ModelPackage {
  folder: string;
  manifest: Manifest;
}

/** The model packages of a folder, by name: those that can be used, and those that cannot, with why. */
export interface ModelCatalog {
  packages: ReadonlyMap<string, ModelPackage>;
  refused: ReadonlyMap<string, string>;
}

/**
 * Reads every folder of `modelsDir` that holds a `manifest.json`, each by itself. A package is refused when it is wrong, or
 * its folder's name is not its model's. Throws {@link ModelPackageError} when there is none at all.
 */
export function readCatalog(modelsDir: string): ModelCatalog {
  const folders = statSync(modelsDir, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(modelsDir, { withFileTypes: true }).filter((e) => e.isDirectory() || e.isSymbolicLink())
    : [];
  const packages = new Map<string, ModelPackage>();
  const refused = new Map<string, string>();
  for (const { name } of folders.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const folder = join(modelsDir, name);
    if (!existsSync(join(folder, 'manifest.json'))) continue;
    try {
      packages.set(name, { folder, manifest: readNamed(folder, name) });
    } catch (error) {
      refused.set(name, messageOf(error));
    }
  }
  if (packages.size + refused.size === 0) {
    throw new ModelPackageError(modelsDir, [
      'no model package found: point MODELS_DIR at a folder that holds one folder a model, each with a manifest.json',
    ]);
  }
  return { packages, refused };
}

function readNamed(folder: string, name: string): Manifest {
  const manifest = readManifest(folder);
  if (manifest.name === name) return manifest;
  throw new ModelPackageError(folder, [`#/name is "${manifest.name}": the folder must have the same name`]);
}

/** Why a package is refused, in one short line. */
export interface Refusal {
  name: string;
  reason: string;
}

/** Bounds of what others are told of refused packages: a few hundred bytes of each of a hundred at most. */
const REASON_LENGTH = 300;
const MOST_REFUSALS = 100;

/** The refused packages as clients may see them: without the path of the folder. */
export const refusalsOf = (refused: ReadonlyMap<string, string>, modelsDir: string): Refusal[] =>
  [...refused].slice(0, MOST_REFUSALS).map(([name, reason]) => ({
    name: name.slice(0, REASON_LENGTH),
    reason: reason.replaceAll(join(modelsDir, sep), '').replaceAll(/\s+/g, ' ').slice(0, REASON_LENGTH),
  }));
