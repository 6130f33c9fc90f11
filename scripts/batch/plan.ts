import { resolve } from 'node:path';
import type { WaggleClient } from '../../shared/client/client.js';
import type { ModelBody } from '../../shared/contract/model.js';
import { firstContact, type OnWait, persist } from '../../shared/client/retry.js';
import { BatchCommandError } from './batch-error.js';
import { Checkpoint } from './checkpoint.js';
import { type Comparison, comparisonFor } from './comparison.js';
import { createInputWriter, type InputWriter } from './input-mapping.js';
import { type InputFormat, openSource } from './input/open-source.js';
import type { Source } from './input/source.js';
import { outputFormatFor } from './output/open-format.js';
import { carriedNames, type OutputFormat } from './output/output-format.js';

/** The arguments of `waggle batch FILE`. */
export interface BatchRequest {
  input: string;
  format: InputFormat;
  out: string;
  /** Undefined: the server's default. */
  model: string | undefined;
  /** Column by member, where they have different names. */
  renamed: ReadonlyMap<string, string>;
  /** Column of the actual values. */
  actual: string | undefined;
  mode: 'batch' | 'jobs';
  rowsPerPart: number;
  /** Jobs under way at a time. */
  concurrency: number;
  /** Compress what goes over the line. */
  gzip: boolean;
  /** Begin anew in spite of a checkpoint. */
  restart: boolean;
  /** Replace a file that is there already. */
  force: boolean;
  /** Longest absence of the server, in ms. */
  outageMs: number;
}

/** The handling of each row in a run: its form as input, and its form in the output. */
interface RowPlan {
  model: ModelBody;
  toInput: InputWriter;
  format: OutputFormat;
  comparison: Comparison | undefined;
}

/** Everything that is settled before the first row is sent. */
export interface RunPlan extends RowPlan {
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
  const { input, out, restart, force } = request;
  if (resolve(input) === resolve(out)) {
    throw new BatchCommandError('--out must be another file than the input');
  }
  const source = await openSource(input, request.format);
  const models = await persist(() => client.models({ signal }), {
    signal,
    outageMs: request.outageMs,
    onWait: firstContact(onWait),
  });
  const rows = planRows(request, source, chooseModel(models, request.model));
  const options = identifyingOptions(request, source);
  const checkpoint = Checkpoint.start({ input, out, options }, { model: rows.model.name, restart, force });
  const { model } = checkpoint.run;
  const outputs = rows.model.outputs.map(({ member }) => member);
  const names = [...carriedNames({ input: source.columns, outputs })];
  return {
    ...(model === rows.model.name ? rows : planRows(request, source, chooseModel(models, model))),
    request,
    source,
    checkpoint,
    renamedColumns: names.filter(([column, name]) => column !== name),
  };
}

function planRows({ renamed, out, actual }: BatchRequest, { columns }: Source, model: ModelBody): RowPlan {
  const outputs = model.outputs.map(({ member }) => member);
  return {
    model,
    toInput: createInputWriter({ model, columns, renamed }),
    format: outputFormatFor(out, { input: columns, outputs }),
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
  const { out, format, model, renamed, actual, mode, rowsPerPart } = request;
  return { out: resolve(out), format, model, renamed: [...renamed], actual, mode, rowsPerPart, columns };
}
