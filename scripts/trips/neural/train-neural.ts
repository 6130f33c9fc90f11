import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { ModelFiles } from '../../../worker/inference/parent/model-files.js';
import { createModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { loadWasm } from '../../../worker/inference/child/engines/wasm-engine.js';
import { errorByDistance, errorByHour } from '../charts/error-charts.js';
import { calibration, predictedAgainstActual } from '../charts/prediction-charts.js';
import { trainingCurve } from '../charts/training-chart.js';
import { evaluate, figuresOf } from '../evaluation.js';
import { TripFileError } from '../files/trip-columns.js';
import { writePackage } from '../model-package.js';
import { checkMonotonicity } from '../monotonicity.js';
import {
  type NeuralTrainingRequest,
  readTrainingData,
  type TrainingData,
  type TrainingResult,
} from '../training-data.js';
import { packTripModel } from '../trip-package.js';
import { fitLookups } from './lookups.js';
import { createNetwork } from './network.js';
import { type NeuralCardFacts, neuralCard } from './neural-card.js';
import { createRandom } from '../../lib/random.js';
import { bestEpochOf, type EpochFigures, trainNetwork } from './train-network.js';
import { divideTrips, rowsOf } from './training-rows.js';
import { installTrainingKernels } from './wasm-training-kernels.js';

/** Fewer trips than this fill no more than a step or two of training. */
const FEWEST_TRIPS = 1000;
const MONOTONICITY_CURVES = 200;

/** Told how far training is. */
export interface TrainingProgress {
  onPhase?: (phase: string) => void;
  /** After each of `steps` steps, counted from 1. */
  onStep?: (step: number, steps: number) => void;
  onEpoch?: (figures: EpochFigures) => void;
}

/** Trains the network, checks it on the validation trips as it will run, and writes its package with card and pictures. */
export async function trainNeural(
  request: NeuralTrainingRequest,
  progress: TrainingProgress,
): Promise<TrainingResult> {
  const { data, history, files } = await fitNeural(request, progress);
  progress.onPhase?.('checking the model as it will run');
  const model = await createModelRuntime(files);
  const evaluation = await evaluate(model, data.validation);
  const monotonicity = await checkMonotonicity(model, MONOTONICITY_CURVES);
  const figures = {
    training: {
      files: data.trainedOn,
      rows: data.trips.length,
      seed: request.seed,
      epochs: history.length,
      best_epoch: bestEpochOf(history).epoch,
    },
    validation: figuresOf(evaluation, data.validatedOn),
    monotonicity,
  };
  const documents = neuralDocuments({ request, data, history, evaluation, monotonicity });
  writePackage({ ...files, manifest: { ...files.manifest, figures } }, documents);
  return { figures, evaluation };
}

/** A file that is kept by hand beside a model card, and that becomes its last part. */
const NOTES = 'NOTES.md';

/** The model card and its pictures, by file name. */
function neuralDocuments(facts: NeuralCardFacts): Record<string, string> {
  const chartData = { trips: facts.data.validation, evaluation: facts.evaluation };
  const notes = join(facts.request.folder, NOTES);
  return {
    'README.md': neuralCard(facts) + (existsSync(notes) ? `\n${readFileSync(notes, 'utf8')}` : ''),
    'predicted-against-actual.svg': predictedAgainstActual(chartData),
    'error-by-hour.svg': errorByHour(chartData),
    'error-by-distance.svg': errorByDistance(chartData),
    'calibration.svg': calibration(chartData),
    'training-curve.svg': trainingCurve(facts.history),
  };
}

/** Trains the network and packs it, unchecked and unwritten. */
export async function fitNeural(
  request: NeuralTrainingRequest,
  progress: TrainingProgress,
): Promise<{ data: TrainingData; history: EpochFigures[]; files: ModelFiles }> {
  progress.onPhase?.('reading trips');
  const data = await readTrainingData(request);
  if (data.trips.length < FEWEST_TRIPS) {
    throw new TripFileError(
      request.trainFiles.join(', '),
      `${data.trips.length} trips of 1 to 60 minutes are too few to train on: at least ${FEWEST_TRIPS} are needed`,
    );
  }
  await loadWasm();
  installTrainingKernels();
  progress.onPhase?.('making look-up tables');
  const { epochs, seed } = request;
  const random = createRandom(seed);
  const { examples, holdout } = divideTrips(data.trips, random);
  const { training, serving } = createNetwork(random);
  progress.onPhase?.('training');
  const history = await trainNetwork({ training, examples, holdout, epochs, random, ...progress });
  // For the model that serves, the tables rest on all the trips.
  const network = serving(fitLookups(data.trips, rowsOf(data.trips)));
  return { data, history, files: await pack(network, request) };
}

const pack = (network: LayersModel, { folder, name, version }: NeuralTrainingRequest): Promise<ModelFiles> =>
  packTripModel(folder, network, {
    name,
    version,
    title: 'Trip duration',
    description:
      'Minutes of a taxi trip from its zones, its distance and, where known, its pickup time; never less for a longer distance.',
    figures: {},
    hasTime: true,
  });
