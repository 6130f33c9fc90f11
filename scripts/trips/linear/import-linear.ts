import { basename } from 'node:path';
import { loadWasm } from '../../../worker/inference/child/engines/wasm-engine.js';
import { writePackage } from '../model-package.js';
import { packTripModel } from '../trip-package.js';
import { readCoefficients } from './coefficients.js';
import { buildLinearNetwork } from './linear-network.js';

/** Options of an import. */
export interface ImportRequest {
  name: string;
  version: string;
  /** JSON file of coefficients. */
  file: string;
  /** Folder the package is written to. */
  folder: string;
}

/** Makes a model package from a linear model's coefficients. Gives the number of pairs that have one. */
export async function importLinear({ name, version, file, folder }: ImportRequest): Promise<number> {
  const linear = readCoefficients(file);
  await loadWasm();
  const pairs = linear.intercepts.size;
  const source = basename(file);
  const files = await packTripModel(folder, buildLinearNetwork(linear), {
    name,
    version,
    title: 'Trip duration, linear (imported)',
    description:
      'Minutes of a taxi trip, by the coefficients of a linear model on its pair of zones and its distance.',
    figures: { imported: { file: source, pairs } },
    hasTime: false,
  });
  writePackage(files, { 'README.md': importCard(name, source, pairs) });
  return pairs;
}

const importCard = (name: string, source: string, pairs: number): string => `# ${name}

A linear model of taxi trip durations, imported from the coefficients in \`${source}\`:

    minutes = intercept + coefficient of (PULocationID, DOLocationID) + coefficient of trip_distance x miles

${pairs.toLocaleString('en-US')} pairs of zones have a coefficient; any other pair is answered by the intercept and the distance alone.
A pickup time is accepted and changes nothing. How good the model is was not measured here:
\`npx waggle evaluate --model ${name} FILE\` does.
`;
