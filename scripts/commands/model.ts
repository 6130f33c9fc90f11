import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ModelPackageError } from '../../shared/errors.js';
import { readManifest } from '../../shared/model/read-manifest.js';
import { isImageColumn } from '../../shared/model/tensor-members.js';
import type { EngineCheck, PackageCheck } from '../packages/check-package.js';
import { count, number } from '../lib/figures.js';
import { whole } from './numbers.js';
import { modelsDirOption, packageFolder } from './package-folder.js';
import { reportErrors } from './report-errors.js';

type RowShapes = ReadonlyMap<string, readonly number[]>;

interface ModelOptions {
  out?: string;
  shape?: RowShapes;
  modelsDir: string;
  maxBatch: number;
  url: string;
  json?: true;
}

const HELP = `
Examples:
  $ npx waggle model init exported/model.json --out model/greenhouse
  $ npx waggle model init forest.onnx
  $ npx waggle model check model/greenhouse
  $ npx waggle model example greenhouse`;

/** `waggle model`: makes a package of a network, checks one, and shows how to ask it. */
export function registerModelCommand(program: Command): void {
  const model = program
    .command('model')
    .description('Makes a model package of a network, checks one, or shows how to ask it (docs/models.md).')
    .addHelpText('after', HELP);
  model
    .command('init')
    .summary("make a package of a network's files")
    .description(
      'Copies the files of a network into a package, writes its manifest, and lists what is left to answer.',
    )
    .argument('<from>', 'model.json of TensorFlow.js, a file in ONNX, or the folder of one')
    .option('--out <folder>', 'folder of the package (default: one of its name in the models folder)')
    .option('--shape <tensor=sizes>', 'shape of one row of an input tensor, repeatable', addShape)
    .addOption(modelsDirOption())
    .option('--json', 'print the manifest and the questions as one JSON document')
    .action((from: string, options: ModelOptions) => reportErrors(options, () => init(from, options)));
  model
    .command('check')
    .summary('look for faults of a package, and measure it on each engine')
    .description(
      'Looks for everything by which a worker would refuse a package, and runs its example on each engine.\nExit code: 0 when it can be served, 1 when it has a fault.',
    )
    .argument('<folder>', 'folder of the package')
    .addOption(
      new Option('--max-batch <rows>', 'most rows of a micro-batch')
        .env('MAX_BATCH')
        .argParser(whole(1, 1_024))
        .default(64),
    )
    .option('--json', 'print what was found as one JSON document')
    .action((folder: string, options: ModelOptions) => reportErrors(options, () => check(folder, options)));
  model
    .command('example')
    .summary('print a body for POST /jobs')
    .description("Prints a body for POST /jobs, made of the package's example, and how to send it with curl.")
    .argument('<model>', 'folder of a package, or a name in the models folder')
    .addOption(modelsDirOption())
    .addOption(
      new Option('--url <url>', 'where the API is').env('WAGGLE_URL').default('http://127.0.0.1:8182'),
    )
    .action((name: string, options: ModelOptions) => reportErrors({}, () => example(name, options)));
}

async function init(
  from: string,
  { out, shape = new Map(), modelsDir: models, json }: ModelOptions,
): Promise<void> {
  const file = fileOf(from);
  const own = basename(file, extname(file));
  const name = own === 'model' ? basename(dirname(resolve(file))) : own;
  const folder = out ?? join(models, name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'));
  // Loaded when called for: TensorFlow.js takes its time, and help should not.
  const { initPackage } = await import('../packages/init-package.js');
  const { manifest, questions } = await initPackage({ file, folder, rowShapes: shape });
  if (json) {
    console.log(JSON.stringify({ folder, manifest, questions }));
    return;
  }
  console.log(`${folder} answers zeros. Left to do in ${join(folder, 'manifest.json')}:`);
  for (const question of questions) console.log(`  - ${question}`);
  console.log(`Then: npx waggle model check ${folder}`);
}

function fileOf(from: string): string {
  if (!statSync(from).isDirectory()) return from;
  const found = ['model.onnx', 'model.json'].map((name) => join(from, name)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new ModelPackageError(from, ['it has no model.json and no model.onnx: name the file']);
}

async function check(folder: string, { maxBatch, json }: ModelOptions): Promise<void> {
  const { checkPackage } = await import('../packages/check-package.js');
  const found = await checkPackage(folder, maxBatch);
  const { faults, engines, answer } = found;
  if (faults.length > 0) process.exitCode = 1;
  if (json) {
    console.log(JSON.stringify({ faults, engines, answer }));
    return;
  }
  for (const line of foundLines(found)) console.log(line);
  if (faults.length === 0) console.log('✔ it can be served');
  for (const fault of faults) console.error(`✖ ${fault}`);
}

function foundLines({ files, engines, answer }: PackageCheck): string[] {
  if (!files) return [];
  const { manifest, weights } = files;
  const width = Math.max(...engines.map(({ engine }) => engine.length));
  return [
    `${manifest.name} ${manifest.version}  ${manifest.format}, ${count(weights.length)} bytes of weights`,
    ...engines.map((one) => `  ${one.engine.padEnd(width)}  ${engineText(one)}`),
    ...(answer?.ok ? [`  the example is answered ${shortened(JSON.stringify(answer.result))}`] : []),
  ];
}

function engineText(one: EngineCheck): string {
  if ('why' in one) return `not used: ${shortened(one.why)}`;
  const { times, mb, difference, device } = one;
  const perRow = times.map(
    ({ rows, ms }) => `${number(ms / rows)} ms a row ${rows === 1 ? 'alone' : `of ${rows}`}`,
  );
  const parts = [...perRow, ...(mb === undefined ? [] : [`${count(mb)} MB`])];
  if (difference > 0) parts.push(`answers differ by ${difference.toExponential(0)}`);
  return `${parts.join(', ')}  (${device})`;
}

const MOST_CHARS = 300;
const shortened = (text: string): string =>
  text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)} ... (${count(text.length)} characters)` : text;

async function example(name: string, { modelsDir: models, url }: ModelOptions): Promise<void> {
  const { name: model, example: input, columns } = readManifest(packageFolder(name, models));
  const body = JSON.stringify({ model, input });
  console.log(body);
  const curl = `curl -i ${url}/jobs -H 'content-type: application/json' -H 'prefer: wait=10'`;
  const isShort = body.length <= MOST_CHARS;
  console.error(
    isShort
      ? `${curl} -d '${body.replaceAll("'", String.raw`'\''`)}'`
      : `npx waggle model example ${name} | ${curl} -d @-`,
  );
  if (columns.filter(isImageColumn).length !== 1) return;
  console.error(
    `curl -i '${url}/jobs?model=${model}' -H 'content-type: image/jpeg' -H 'prefer: wait=10' --data-binary @photo.jpg`,
  );
}

function addShape(text: string, known: RowShapes = new Map()): RowShapes {
  const [, tensor, sizes = ''] = /^(.+)=(\d+(?:,\d+)*)$/.exec(text) ?? [];
  const shape = sizes.split(',').map(Number);
  if (tensor !== undefined && shape.every((size) => size > 0)) return new Map([...known, [tensor, shape]]);
  throw new InvalidArgumentError('It must be a tensor and the sizes of one row, as in image=224,224,3.');
}
