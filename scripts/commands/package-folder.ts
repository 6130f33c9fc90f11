import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';

/** The folder of a model that is named by that folder, or as it is called in the models folder, which goes first. */
export function packageFolder(model: string, modelsDir: string): string {
  const inCatalog = join(modelsDir, model);
  return !existsSync(inCatalog) && existsSync(join(model, 'manifest.json')) ? model : inCatalog;
}

/** Where a command finds packages that are named without a folder. */
export const modelsDirOption = (): Option =>
  new Option('--models-dir <folder>', 'models folder').env('MODELS_DIR').default('model');
