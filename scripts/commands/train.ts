import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { trainLinear } from '../trips/train-linear.js';

interface TrainOptions {
  kind: 'linear';
  model?: string;
  train: string[];
  validate: string[];
  out?: string;
  modelsDir: string;
  modelVersion: string;
}

/** `waggle train`: learns a trip model from TLC trip files and writes its package. */
export function registerTrainCommand(program: Command): void {
  program
    .command('train')
    .requiredOption('--train <file...>')
    .requiredOption('--validate <file...>')
    .addOption(new Option('--kind <kind>').choices(['linear']).default('linear'))
    .option('--model <name>')
    .option('--out <folder>')
    .option('--model-version <version>', 'semver', '1.0.0')
    .addOption(new Option('--models-dir <folder>').env('MODELS_DIR').default('model'))
    .action(async (options: TrainOptions) => {
      const name = options.model ?? 'trip-duration-linear';
      const evaluation = await trainLinear({
        name,
        version: options.modelVersion,
        trainFiles: options.train,
        validateFiles: options.validate,
        folder: options.out ?? join(options.modelsDir, name),
      });
      console.log(evaluation.withoutTime.errors);
    });
}
