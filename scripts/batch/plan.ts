import { resolve } from 'node:path';
import type { WaggleClient } from '../../shared/client/client.js';
import type { ModelBody } from '../../shared/contract/model.js';
import { firstContact, type OnWait, persist } from '../../shared/client/retry.js';
import { BatchCommandError } from './batch-error.js';
import { Checkpoint } from './checkpoint.js';
import { type Comparison, comparisonFor } from './comparison.js';
import { createInputWriter, type InputWriter } from './input-mapping.js';
import { type InputFormat, openSource, STANDARD } from './input/open-source.js';
import type { Source } from './input/source.js';
import type { OutputFormat } from './output/open-output.js';
import { carriedNames, type OutputColumns } from './output/output-format.js';
import { jobsTogether } from './submit-jobs.js';

/** The arguments of `waggle batch FILE`. */
export interface BatchRequest {
  /** A file, or standard input as `-`. */
  input: string;
  format: InputFormat;
  /** A file, or standard output as `-`. */
  out: string;
  outFormat: OutputFormat;
  /** Undefined: the server's default. */
  model?: string;
  /** Column by member, where they have different names. */
  renamed: ReadonlyMap<string, string>;
  /** Column of the actual values. */
  actual?: string;
  mode: 'batch' | 'jobs';
  rowsPerPart: number;
  /** Jobs under way at a time. */
  concurrency: number;
  /** Compress what goes over the line. */
  gzip?: true;
  /** Begin anew in spite of a checkpoint. */
  restart?: true;
  /** Replace a file that is there already. */
  force?: true;
  /** Longest absence of the server, in ms. */
  outageMs: number;
}

/** Everything that is settled before the first row is sent. */
export interface RunPlan {
  model: ModelBody;
  toInput: InputWriter;
  columns: OutputColumns;
  comparison: Comparison | undefined;
  request: BatchRequest;
  source: Source;
  checkpoint: Checkpoint;
  /** Input columns that go by another name in the output, as pairs. */
  renamedColumns: [string, string][];
}

/**
 * Looks into the file, asks what the model takes, and takes up an earlier run. Nothing is written until all of it
 * fits. Throws an AppError that names what does not.
 */
export async function planRun(
  request: BatchRequest,
  { client, signal, onWait }: { client: WaggleClient; signal: AbortSignal; onWait: OnWait },
): Promise<RunPlan> {
  const source = await openSource(request.input, request.format);
  const models = await persist(() => client.models({ signal }), {
    signal,
    outageMs: request.outageMs,
    onWait: firstContact(onWait),
  });
  const rows = planRows(request, source, chooseModel(models, request.model));
  const checkpoint = checkpointOf(request, source, rows.model.name);
  const { model } = checkpoint.run;
  return {
    ...(model === rows.model.name ? rows : planRows(request, source, chooseModel(models, model))),
    request,
    source,
    checkpoint,
    renamedColumns: [...carriedNames(rows.columns)].filter(([column, name]) => column !== name),
  };
}

function checkpointOf(request: BatchRequest, source: Source, model: string): Checkpoint {
  const { input, out, restart = false, force = false, concurrency } = request;
  const start = { model, restart, force, jobsTogether: jobsTogether(concurrency) };
  if (out === STANDARD) return Checkpoint.none(undefined, start);
  if (input === STANDARD) return Checkpoint.none(out, start);
  return Checkpoint.start({ input, out, options: identifyingOptions(request, source) }, start);
}

function planRows({ renamed, actual }: BatchRequest, source: Source, model: ModelBody) {
  const { columns, textFormat } = source;
  return {
    model,
    toInput: createInputWriter({ model, columns, renamed }, textFormat === 'ndjson'),
    columns: { source, outputs: model.outputs.map(({ member }) => member) },
    comparison: comparisonFor(model, columns, actual),
  };
}

function chooseModel(models: readonly ModelBody[], name: string | undefined): ModelBody {
  const model = models.find((known) => (name === undefined ? known.default : known.name === name));
  if (model) return model;
  const known = models.map((one) => one.name).join(', ');
  throw new BatchCommandError(
    name === undefined
      ? `the server has no default model: name one of ${known} with --model`
      : `the server has no model ${name}; it has ${known}`,
  );
}

/** Whatever decides which rows are sent together and what is written. */
function identifyingOptions(request: BatchRequest, { columns }: Source): Record<string, unknown> {
  const { out, format, outFormat, model, renamed, actual, mode, rowsPerPart } = request;
  const sent = { model, renamed: [...renamed], actual, mode, rowsPerPart, columns };
  return { out: resolve(out), format, outFormat, ...sent };
}
