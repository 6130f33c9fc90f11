import { createModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { loadWasm } from '../../../worker/inference/child/engines/wasm-engine.js';
import { evaluate, figuresOf } from '../evaluation.js';
import { writePackage } from '../model-package.js';
import { readTrainingData, type TrainingRequest, type TrainingResult } from '../training-data.js';
import { packTripModel } from '../trip-package.js';
import { linearCard } from './linear-card.js';
import { buildLinearNetwork } from './linear-network.js';
import { fitLinear } from './linear-regression.js';

/** Fits the linear model, checks it on the validation trips as it will run, and writes its package. */
export async function trainLinear(request: TrainingRequest): Promise<TrainingResult> {
  const { name, version, folder } = request;
  const data = await readTrainingData(request);
  const linear = fitLinear(data.trips);
  await loadWasm();
  const files = await packTripModel(folder, buildLinearNetwork(linear), {
    name,
    version,
    title: 'Trip duration, linear',
    description: 'Minutes of a taxi trip, by least squares on its pair of zones and its distance.',
    figures: {},
    hasTime: false,
  });
  const evaluation = await evaluate(await createModelRuntime(files), data.validation);
  const figures = {
    training: { files: data.trainedOn, rows: data.trips.length },
    validation: figuresOf(evaluation, data.validatedOn),
  };
  const card = linearCard({ name, linear, data, evaluation });
  writePackage({ ...files, manifest: { ...files.manifest, figures } }, { 'README.md': card });
  return { figures, evaluation };
}
