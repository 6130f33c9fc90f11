import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { BatchCommandError } from '../batch/batch-error.js';
import { INPUT_FORMATS, type InputFormat, inputFormatOf, STANDARD } from '../batch/input/open-source.js';
import { interruptible } from '../batch/interruption.js';
import { OUTPUT_FORMATS, type OutputFormat, outputFormatOf } from '../batch/output/open-output.js';
import { progressDisplay } from '../batch/progress.js';
import type { BatchRequest } from '../batch/plan.js';
import { runBatch } from '../batch/run-batch.js';
import { summaryLines } from '../batch/summary.js';
import { batchLines, hasEveryRow, watchBatch } from '../batch/watch-batch.js';
import { errorCode } from '../../shared/system-error.js';
import { sayAboveBar } from '../lib/terminal.js';
import { addConnectionOptions, type ConnectionOptions, waitTeller, withClient } from './connection.js';
import { whole } from './numbers.js';

interface BatchOptions
  extends ConnectionOptions,
    Pick<BatchRequest, 'actual' | 'model' | 'mode' | 'concurrency' | 'gzip' | 'restart' | 'force'> {
  out?: string;
  format?: InputFormat;
  outFormat?: OutputFormat;
  map?: Map<string, string>;
  batchRows: number;
  outage: number;
  watch?: string;
}

const HELP = `
The output has the columns of the input, the outputs of the model, and "error",
which says why a row has failed. Text that is a number is read as one where the
model wants a number; an empty cell is a value that is not given. Columns of a
Parquet file go into a Parquet file as they are; of other files, a column is
of numbers if it is in the first rows, and of text otherwise.

Interrupted, by Ctrl-C or by anything else, the same command goes on where it
was: OUT.checkpoint says where. What the server has keeps running meanwhile.
Rows that come or go by a pipe, as -, are not taken up: such a run starts over.

Exit code: 0 when every row has a result, 2 when some have failed, 1 when it
could not be done or was interrupted.

Examples:
  $ npx waggle batch trips.csv --out predicted.csv
  $ npx waggle batch green_tripdata_2021-02.parquet \\
      --map pickup_datetime=lpep_pickup_datetime --out predicted.csv
  $ npx waggle batch trips.ndjson --actual minutes --out predicted.ndjson
  $ npx waggle batch trips.parquet --out predicted.parquet
  $ zcat trips.csv.gz | npx waggle batch - --format csv --out - | head
  $ npx waggle batch trips.csv --mode jobs --concurrency 100 --out predicted.csv
  $ npx waggle batch --watch 019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f`;

/** Rows of a job run are written down in such parts. */
const JOBS_PER_PART = 1_000;

/** `waggle batch`: predictions for every row of a file. */
export function registerBatchCommand(program: Command): void {
  const command = program
    .command('batch')
    .description(
      'Predicts every row of a file by a running API, and writes the rows with what was predicted.',
    )
    .argument(
      '[file]',
      'CSV, NDJSON, JSON ([...] or {"inputs":[...]}) or Parquet, by its ending; - is standard input',
    )
    .option(
      '--out <file>',
      'file to write, needed with an input file: .csv, .ndjson, .jsonl or .parquet; - is standard output, and then all else is told on standard error',
    )
    .addOption(
      new Option('--format <format>', 'of the input, where its ending does not say').choices(INPUT_FORMATS),
    )
    .addOption(
      new Option(
        '--out-format <format>',
        "of the output, where its ending does not say (default for -: the input's, NDJSON for JSON)",
      ).choices(OUTPUT_FORMATS),
    )
    .option(
      '--map <member=column>',
      'an input of the model and the column that holds it, where the names differ; repeatable',
      addPair,
    )
    .option('--actual <column>', 'compare with this column (trip files: drop-off minus pick-up by itself)')
    .option('--model <name>', 'which model (default: the one the server names its default)')
    .addOption(
      new Option('--mode <mode>', 'how rows are sent: in batches, or one job a row')
        .choices(['batch', 'jobs'])
        .default('batch'),
    )
    .option('--batch-rows <rows>', 'rows of one batch', whole(1, 1_000_000), 50_000)
    .option('--concurrency <jobs>', 'jobs at a time, with --mode jobs', whole(1, 1_000), 64)
    .option('--gzip', 'compress what goes over the line: for lines slower than about 20 MB/s')
    .option('--outage <seconds>', 'how long the server may be away before giving up', whole(0, 86_400), 300)
    .option('--restart', 'begin an interrupted run anew, whatever its checkpoint says')
    .option('--force', 'replace an output file that is there already')
    .option('--watch <id>', 'follow a batch that there is already, instead of a file');
  addConnectionOptions(command)
    .addHelpText('after', HELP)
    .action((file: string | undefined, options: BatchOptions) => {
      const refuse = (message: string): never => command.error(`error: ${message}`);
      if (options.watch !== undefined) {
        if (file ?? options.out) refuse('--watch follows a batch: give no file and no --out');
        return watch(options.watch, options);
      }
      if (file === undefined) return refuse('nothing to predict: name a file, or a batch with --watch');
      const { out } = options;
      if (out === undefined) return refuse('where to? Name a file, as in --out predicted.csv');
      return run({ file, out }, options);
    });
}

async function run({ file, out }: { file: string; out: string }, options: BatchOptions): Promise<void> {
  const print = out === STANDARD ? console.error : console.log;
  const isTerminal = (out === STANDARD ? process.stderr : process.stdout).isTTY;
  try {
    await withClient({ ...options, print }, async (client) => {
      const display = progressDisplay(process.stderr);
      const request = requestOf(file, out, options);
      const onWait = waitTeller(sayAboveBar);
      const summary = await interruptible((signal) =>
        runBatch(request, { client, signal, display, tell: sayAboveBar, onWait }),
      ).catch((error: unknown) => {
        if (errorCode(error) !== 'EPIPE') throw error;
      });
      // Whoever read standard output has what he wanted, as `head` has.
      process.exitCode = summary === undefined ? 1 : summary.failed > 0 ? 2 : undefined;
      if (!summary) return;
      print(options.json ? JSON.stringify(summary) : summaryLines(summary, isTerminal).join('\n'));
    });
  } finally {
    // An open pipe that nobody reads any more would keep the process.
    if (file === STANDARD) process.stdin.destroy();
  }
}

function watch(id: string, options: BatchOptions): Promise<void> {
  return withClient(options, async ({ batches: client }) => {
    const display = progressDisplay(process.stderr);
    const outageMs = options.outage * 1000;
    const onWait = waitTeller(sayAboveBar);
    const batch = await interruptible((signal) =>
      watchBatch(id, { client, signal, display, outageMs, onWait }),
    );
    if (!hasEveryRow(batch)) process.exitCode = 2;
    console.log(options.json ? JSON.stringify(batch) : batchLines(batch).join('\n'));
  });
}

function requestOf(input: string, out: string, options: BatchOptions): BatchRequest {
  const format = options.format ?? inputFormatOf(input);
  const ownFormat = format === 'json' ? 'ndjson' : format;
  if (input !== STANDARD && resolve(input) === resolve(out)) {
    throw new BatchCommandError('--out must be another file than the input');
  }
  const outFormat = options.outFormat ?? (out === STANDARD ? ownFormat : outputFormatOf(out));
  if (outFormat === 'parquet' && out === STANDARD && process.stdout.isTTY) {
    throw new BatchCommandError('a terminal shows no Parquet: name a file, or set --out-format csv');
  }
  return {
    ...options,
    input,
    out,
    format,
    outFormat,
    renamed: options.map ?? new Map<string, string>(),
    rowsPerPart: options.mode === 'jobs' ? JOBS_PER_PART : options.batchRows,
    outageMs: options.outage * 1000,
  };
}

function addPair(text: string, pairs = new Map<string, string>()): Map<string, string> {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('It must be member=column.');
  return new Map(pairs).set(text.slice(0, at), text.slice(at + 1));
}
