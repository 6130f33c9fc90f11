import type { Command } from 'commander';
import { figureLines } from '../trips/metrics.js';
import { modelsDirOption, packageFolder } from './package-folder.js';
import { reportErrors } from './report-errors.js';

interface EvaluateOptions {
  model: string;
  modelsDir: string;
  json?: true;
}

const HELP = `
Every trip of 1 to 60 minutes is predicted twice, with its pickup time and without it, as the service would; a
distance that is 0 or over 100 miles is asked as 0, not recorded.

Examples:
  $ npx waggle evaluate --model trip-duration green_tripdata_2021-02.parquet
  $ npx waggle evaluate --model trip-duration-linear 2021-02.parquet 2021-03.csv --json | tail -1 | jq .with_time
  $ npx waggle evaluate --model /tmp/my-model green_tripdata_2021-02.parquet`;

/** `waggle evaluate`: a trip model's errors on trip files. */
export function registerEvaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .description('Predicts the trips of TLC trip files with a trip model and prints how far it is off.')
    .argument('<file...>', 'trip files, Parquet or CSV')
    .option('--model <name>', 'a model in the models folder, or the folder of a package', 'trip-duration')
    .addOption(modelsDirOption())
    .option('--json', 'print the figures as one JSON document, the last line of standard output')
    .addHelpText('after', HELP)
    .action((files: string[], options: EvaluateOptions) =>
      reportErrors(options, () => evaluateFiles(files, options)),
    );
}

async function evaluateFiles(files: string[], { model, modelsDir, json }: EvaluateOptions): Promise<void> {
  const folder = packageFolder(model, modelsDir);
  // Loaded when called for: TensorFlow.js takes its time, and help should not.
  const { evaluateModel, figuresOf } = await import('../trips/evaluation.js');
  const { evaluation, manifest } = await evaluateModel(folder, files);
  if (json) {
    console.log(JSON.stringify({ model: manifest.name, ...figuresOf(evaluation, files) }));
    return;
  }
  console.log(`${manifest.name} ${manifest.version}`);
  console.log(figureLines(evaluation).join('\n'));
}
