import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

/** The models that the service ships. */
export const MODELS = join(ROOT, 'model');
/** Small models of the tests' own. */
export const FIXTURES = join(ROOT, '__tests__/fixtures/models');
/** Small models in ONNX, and what the libraries that trained them answer. */
export const ONNX_FIXTURES = join(ROOT, '__tests__/fixtures/onnx');
/** Inference process that knows the layer of the `faulty` model. */
export const FAULTY_INFERENCE = join(FIXTURES, 'faulty/inference.mjs');

/** A built program: processes run what `npm run build` made, not the sources. */
export function built(path: string): string {
  const file = join(ROOT, 'dist', path);
  if (!existsSync(file)) throw new Error(`${file} is missing: npm test builds it, and so does npm run build`);
  return file;
}
