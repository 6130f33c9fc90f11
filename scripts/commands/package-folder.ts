import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of a model that is named by that folder, or as it is called in the models folder, which goes first. */
export function packageFolder(model: string, modelsDir: string): string {
  const inCatalog = join(modelsDir, model);
  return !existsSync(inCatalog) && existsSync(join(model, 'manifest.json')) ? model : inCatalog;
}
