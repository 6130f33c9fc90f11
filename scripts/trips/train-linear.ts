import { basename } from 'node:path';
import { evaluate, type Evaluation, figuresOf } from './evaluation.js';
import { linearCard } from './linear-card.js';
import { type LinearAbout, linearPackage } from './linear-package.js';
import { fitLinear } from './linear-regression.js';
import { networkModel } from './network-model.js';
import { readTrips } from './read-trips.js';
import { startTensorFlow } from './tensorflow.js';
import type { TrainingRequest } from './training-request.js';
import { writePackage } from './write-package.js';

/** Fits the linear model, checks it on the validation files as it will run, and writes its package. */
export async function trainLinear(request: TrainingRequest): Promise<Evaluation> {
  const { name, version, trainFiles, validateFiles } = request;
  const trips = await readTrips(trainFiles);
  const validationTrips = await readTrips(validateFiles);
  await startTensorFlow();
  const linear = fitLinear(trips);
  const about: LinearAbout = {
    name,
    version,
    title: 'Trip duration, linear',
    description: 'Minutes of a taxi trip, by least squares on its pair of zones and its distance.',
    figures: {},
  };
  const { network, manifest } = linearPackage(linear, about);
  const evaluation = await evaluate(networkModel(network, manifest), validationTrips);
  manifest.figures = {
    training: { files: trainFiles.map((file) => basename(file)), rows: trips.length },
    validation: figuresOf(evaluation, validateFiles),
  };
  const card = linearCard({ name, linear, trainFiles, trainRows: trips.length, validateFiles, evaluation });
  await writePackage(request.folder, { manifest, network, documents: { 'README.md': card } });
  return evaluation;
}
