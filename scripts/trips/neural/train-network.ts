import tf = require('@tensorflow/tfjs-core');
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  allocateExamples,
  copyExample,
  type Examples,
  inputTensors,
  predictExamples,
  withoutTime,
} from './examples.js';
import { errorsOf } from '../metrics.js';
import type { Random } from '../../lib/random.js';
import { DURATION_RANGE_MINUTES } from '../trips.js';
import { readWeights, trainableVariables, WeightAverage, writeWeights } from './weight-average.js';

/** Rows of one step; the rows left over at the end of an epoch wait for the next shuffle. */
const BATCH_ROWS = 512;
/** Share of rows, drawn anew in each step, whose pickup time is withheld: one network learns to do without it. */
const UNKNOWN_TIME_SHARE = 0.3;
/** Epochs without a better one after which training stops. */
const PATIENCE_EPOCHS = 4;
/** Averages over the last 500 steps or so, four epochs of a month of green taxis. */
const AVERAGE_DECAY = 0.998;
/** Brings squared minutes to the order of 1. */
const LOSS_SCALE = 0.01;

const HIGHEST_LEARNING_RATE = 3e-3;
/** The last step's learning rate, as a share of the highest. */
const LAST_SHARE = 0.02;
const WARM_UP_STEPS = 200;

/** Root mean squared errors after one epoch, in minutes. */
export interface EpochFigures {
  /** Counted from 1. */
  epoch: number;
  /** Over the epoch's own steps, some rows with and some without a time. */
  training: number;
  holdoutWithoutTime: number;
  holdoutWithTime: number;
}

/** Options of {@link trainNetwork}. */
export interface NetworkTraining {
  /** Its weights are changed; they end as they were after the best epoch. */
  training: LayersModel;
  examples: Examples;
  /** Rows of the training data that no step sees; the epoch that is best on them is kept. */
  holdout: Examples;
  epochs: number;
  random: Random;
  onStep?: (step: number, steps: number) => void;
  onEpoch?: (figures: EpochFigures) => void;
}

/** Minimises the mean squared error. Gives the figures of every epoch that ran. */
export async function trainNetwork(options: NetworkTraining): Promise<EpochFigures[]> {
  const variables = trainableVariables(options.training);
  const average = new WeightAverage(variables, AVERAGE_DECAY);
  const runEpoch = epochRunner(options, variables, average);
  const holdoutWithoutTime = withoutTime(options.holdout);
  const history: EpochFigures[] = [];
  let best = { score: Number.POSITIVE_INFINITY, epoch: 0, weights: readWeights(variables) };
  for (let epoch = 1; epoch <= options.epochs && epoch - best.epoch <= PATIENCE_EPOCHS; epoch++) {
    const training = await runEpoch(epoch);
    average.during(() => {
      const figures = {
        epoch,
        training,
        holdoutWithoutTime: rmseOn(options.training, holdoutWithoutTime),
        holdoutWithTime: rmseOn(options.training, options.holdout),
      };
      history.push(figures);
      const score = scoreOf(figures);
      if (score < best.score) best = { score, epoch, weights: readWeights(variables) };
      options.onEpoch?.(figures);
    });
  }
  writeWeights(variables, best.weights);
  return history;
}

/** The epoch whose weights {@link trainNetwork} left in place. */
export const bestEpochOf = (history: readonly EpochFigures[]): EpochFigures =>
  history.reduce((best, figures) => (scoreOf(figures) < scoreOf(best) ? figures : best));

const scoreOf = (figures: EpochFigures): number => figures.holdoutWithoutTime + figures.holdoutWithTime;

/** A function that runs one epoch, counted from 1, and gives its root mean squared error. */
function epochRunner(
  options: NetworkTraining,
  variables: tf.Variable[],
  average: WeightAverage,
): (epoch: number) => Promise<number> {
  const { training, examples, epochs, random } = options;
  const stepsPerEpoch = Math.floor(examples.length / BATCH_ROWS);
  const steps = stepsPerEpoch * epochs;
  const optimizer = new ScheduledAdam(steps);
  const batch = allocateExamples(BATCH_ROWS);
  return async (epoch) => {
    const order = random.permutation(examples.length);
    let squaredError = 0;
    for (let index = 0; index < stepsPerEpoch; index++) {
      const step = (epoch - 1) * stepsPerEpoch + index;
      fillBatch(batch, examples, order.subarray(index * BATCH_ROWS), random);
      optimizer.startStep(step);
      squaredError += trainStep(training, batch, optimizer, variables);
      average.update();
      options.onStep?.(step + 1, steps);
      // Timers and signals of the process have their turn.
      await tf.nextFrame();
    }
    return Math.sqrt(squaredError / stepsPerEpoch);
  };
}

function fillBatch(batch: Examples, examples: Examples, rows: Int32Array, random: Random): void {
  for (let row = 0; row < batch.length; row++) {
    copyExample(examples, rows[row]!, batch, row);
    if (random.uniform() < UNKNOWN_TIME_SHARE) batch.minuteOfWeek[row] = 0;
  }
}

/** Changes the variables by one batch and gives its mean squared error in minutes. */
function trainStep(
  training: LayersModel,
  batch: Examples,
  optimizer: tf.Optimizer,
  variables: tf.Variable[],
): number {
  return tf.tidy(() => {
    const inputs = inputTensors(batch, 0, batch.length);
    const target = tf.sub(tf.tensor2d(batch.minutes, [batch.length, 1]), DURATION_RANGE_MINUTES.minimum);
    const loss = (): tf.Scalar => {
      const predicted = training.apply(inputs) as tf.Tensor;
      return tf.mul(tf.mean<tf.Scalar>(tf.squaredDifference(predicted, target)), LOSS_SCALE);
    };
    const cost = optimizer.minimize(loss, true, variables);
    return cost!.dataSync<'float32'>()[0]! / LOSS_SCALE;
  });
}

const rmseOn = (training: LayersModel, examples: Examples): number =>
  errorsOf(predictExamples(training, examples), examples.minutes).rmse;

/** Adam whose learning rate rises over the first steps and falls along a cosine over all of them. */
class ScheduledAdam extends tf.AdamOptimizer {
  readonly #steps: number;

  constructor(steps: number) {
    super(HIGHEST_LEARNING_RATE, 0.9, 0.999);
    this.#steps = steps;
  }

  /** To be called before each step, counted from 0. */
  startStep(step: number): void {
    const warmUp = Math.min(1, (step + 1) / WARM_UP_STEPS);
    const cosine = (1 + Math.cos((Math.PI * step) / this.#steps)) / 2;
    this.learningRate = HIGHEST_LEARNING_RATE * warmUp * (LAST_SHARE + (1 - LAST_SHARE) * cosine);
  }
}
