import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { type Command, Option } from 'commander';
import { sayAboveBar } from '../lib/terminal.js';
import { figureLines } from '../trips/metrics.js';
import type { TrainingRequest, TrainingResult } from '../trips/training-data.js';
import type { TrainingProgress } from '../trips/neural/train-neural.js';
import { whole } from './numbers.js';
import { modelsDirOption } from './package-folder.js';
import { reportErrors } from './report-errors.js';

interface TrainOptions {
  kind: 'neural' | 'linear';
  model?: string;
  train: string[];
  validate?: string[];
  out?: string;
  modelsDir: string;
  modelVersion: string;
  epochs: number;
  seed: number;
  json?: true;
}

/** The name of a model that is given none. */
const DEFAULT_NAME = { neural: 'trip-duration', linear: 'trip-duration-linear' } as const;

const HELP = `
Trip files are those of https://www.nyc.gov/site/tlc/about/tlc-trip-record-data.page, Parquet or CSV, of green,
yellow and for-hire vehicles. Trips of 1 to 60 minutes count. A network takes about half a minute a month of green
taxis on one core; the linear model a second. A running service takes the new model over on SIGHUP.

Examples:
  $ npx waggle train --train green_tripdata_2021-01.parquet --validate green_tripdata_2021-02.parquet
  $ npx waggle train --kind linear --train green_tripdata_2021-01.parquet --validate green_tripdata_2021-02.parquet
  $ npx waggle train --model trip-duration --train 2023-01.parquet 2023-02.parquet --validate 2023-03.parquet \\
      --seed 7 --model-version 1.1.0 --out /tmp/trip-duration`;

/** `waggle train`: learns a trip model from TLC trip files and writes its package. */
export function registerTrainCommand(program: Command): void {
  program
    .command('train')
    .description('Trains a trip model on TLC trip files, validates it on others and writes its package.')
    .requiredOption('--train <file...>', 'trips to learn from')
    .option('--validate <file...>', 'trips to judge it by (default: the last fifth of the others, by time)')
    .addOption(
      new Option('--kind <kind>', 'neural: a small network; linear: least squares on zones and distance')
        .choices(['neural', 'linear'])
        .default('neural'),
    )
    .option('--model <name>', 'its name (default: trip-duration, or trip-duration-linear)')
    .option('--model-version <version>', 'the version its package carries', '1.0.0')
    .option('--epochs <count>', 'neural: most passes over the trips', whole(1), 10)
    .option('--seed <number>', 'neural: the same seed and files give the same model', whole(1), 1)
    .option('--out <folder>', 'folder of the package (default: one of its name in the models folder)')
    .addOption(modelsDirOption())
    .option('--json', 'print the figures as one JSON document, the last line of standard output')
    .addHelpText('after', HELP)
    .action((options: TrainOptions) => reportErrors(options, () => train(options)));
}

async function train(options: TrainOptions): Promise<void> {
  const name = options.model ?? DEFAULT_NAME[options.kind];
  const request: TrainingRequest = {
    name,
    version: options.modelVersion,
    trainFiles: options.train,
    validateFiles: options.validate ?? [],
    folder: options.out ?? join(options.modelsDir, name),
  };
  const startedMs = Date.now();
  const { evaluation, figures } = await run(options, request);
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0);
  console.error(`${name} ${request.version} written to ${request.folder} after ${seconds} s`);
  if (options.json) console.log(JSON.stringify({ model: name, folder: request.folder, ...figures }));
  else console.log(figureLines(evaluation).join('\n'));
}

async function run({ kind, epochs, seed }: TrainOptions, request: TrainingRequest): Promise<TrainingResult> {
  // Loaded when called for: TensorFlow.js takes its time, and help should not.
  if (kind === 'linear') {
    const { trainLinear } = await import('../trips/linear/train-linear.js');
    return trainLinear(request);
  }
  const { trainNeural } = await import('../trips/neural/train-neural.js');
  const progress = reportProgress();
  try {
    return await trainNeural({ ...request, epochs, seed }, progress);
  } finally {
    progress.stop();
  }
}

/**
 * Tells on standard error how a training run goes: figures after each epoch, and between them a bar that moves where
 * a person is watching.
 */
function reportProgress(): TrainingProgress & { stop: () => void } {
  const bar = process.stderr.isTTY ? createBar() : undefined;
  return {
    onPhase: (phase) => {
      bar?.stop();
      sayAboveBar(`${phase} ...`);
    },
    onStep: (step, steps) => {
      if (!bar) return;
      if (step === 1) bar.start(steps, 0);
      bar.update(step);
      if (step === steps) bar.stop();
    },
    onEpoch: ({ epoch, training, holdoutWithoutTime, holdoutWithTime }) =>
      sayAboveBar(
        `epoch ${String(epoch).padStart(2)}  RMSE ${training.toFixed(3)}  ` +
          `kept back ${holdoutWithoutTime.toFixed(3)} without time, ${holdoutWithTime.toFixed(3)} with`,
      ),
    stop: () => bar?.stop(),
  };
}

const createBar = (): SingleBar =>
  new SingleBar({
    format: 'training {bar} {percentage}% | {eta_formatted} to go',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    fps: 4,
  });
