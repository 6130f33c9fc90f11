import { join } from 'node:path';
import type { Command } from 'commander';
import { COEFFICIENTS_FORMAT } from '../trips/linear/coefficients.js';
import { modelsDirOption } from './package-folder.js';
import { reportErrors } from './report-errors.js';

interface ImportOptions {
  name: string;
  modelVersion: string;
  out?: string;
  modelsDir: string;
  json?: true;
}

const HELP = `
${COEFFICIENTS_FORMAT}

Examples:
  $ npx waggle import-linear coefficients.json
  $ npx waggle import-linear coefficients.json --name trip-duration-2019 --model-version 2.0.0`;

/** `waggle import-linear`: a model package from the coefficients of a linear model. */
export function registerImportLinearCommand(program: Command): void {
  program
    .command('import-linear')
    .description(
      'Makes a model package from the coefficients of a linear trip model, such as one of scikit-learn.',
    )
    .argument('<coefficients.json>', 'file of coefficients')
    .option('--name <name>', 'name of the model', 'trip-duration-imported')
    .option('--model-version <version>', 'the version its package carries', '1.0.0')
    .option('--out <folder>', 'folder of the package (default: one of its name in the models folder)')
    .addOption(modelsDirOption())
    .option('--json', 'print what was made as one JSON document, the last line of standard output')
    .addHelpText('after', HELP)
    .action((file: string, options: ImportOptions) =>
      reportErrors(options, async () => {
        const { name, modelVersion: version, json } = options;
        const folder = options.out ?? join(options.modelsDir, name);
        // Loaded when called for: TensorFlow.js takes its time, and help should not.
        const { importLinear } = await import('../trips/linear/import-linear.js');
        const pairs = await importLinear({ name, version, file, folder });
        console.error(`${name} ${version} with ${pairs} pairs of zones written to ${folder}`);
        if (json) console.log(JSON.stringify({ model: name, version, folder, pairs }));
      }),
    );
}
