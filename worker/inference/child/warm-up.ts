import { messageOf, ModelPackageError } from '../../../shared/errors.js';
import type { Manifest, ManifestProperty } from '../../../shared/model/manifest.js';
import { mostRowsOf } from '../../../shared/model/columns.js';
import { createRowReader } from '../../../shared/model/row-reader.js';
import type { ModelFiles } from '../parent/model-files.js';
import type { ModelRuntime } from './model-runtime.js';

/** Calls of a warm-up: enough for the kernels of a number of rows to be recorded, tried and replayed. */
const WARM_UP_CALLS = 6;
/** Calls of which the time is taken. */
const TIMED_CALLS = 5;
/** After so long no further call is made, in ms: a model that takes seconds for a micro-batch starts as soon. */
const BUDGET_MS = 25;

/** How long the manifest's example takes, so many rows of it at once, in ms. */
export interface ExampleTime {
  rows: number;
  ms: number;
}

/**
 * Outputs for `rows` copies of the manifest's example. Throws {@link ModelPackageError} when the model does not answer, or
 * gives an answer that would fail every job.
 */
export async function answerExample(
  runtime: ModelRuntime,
  { folder, manifest }: ModelFiles,
  rows = 1,
): Promise<Float32Array[]> {
  const { outputs, faults } = await runtime.predict(examples(runtime, rows)).catch((cause: unknown) => {
    throw new ModelPackageError(folder, [`#/example is not answered: ${messageOf(cause)}`]);
  });
  if (faults) throw new ModelPackageError(folder, [`#/example is not answered: ${Object.values(faults)[0]}`]);
  const readRow = createRowReader(manifest);
  for (let row = 0; row < rows; row += 1) {
    const read = readRow(outputs, row);
    if (!read.ok) throw new ModelPackageError(folder, [`#/example has no valid answer: ${read.message}`]);
  }
  return outputs;
}

/**
 * Runs a model before the first job comes, alone and in micro-batches of `mostRows`. After the example come rows of other
 * values, for which a replay of its kernels is compared with the network, too. Throws what {@link answerExample} throws.
 */
export async function warmUp(runtime: ModelRuntime, files: ModelFiles, mostRows: number): Promise<void> {
  for (const rows of rowCountsOf(runtime, mostRows)) {
    const endMs = performance.now() + BUDGET_MS;
    await answerExample(runtime, files, rows);
    for (let call = 1; call < WARM_UP_CALLS && performance.now() < endMs; call += 1) {
      // A model that reads values, and may do anything with them, is left alone with values that nobody sent.
      if (runtime.plainBecause !== undefined) break;
      const columns = runtime.layout.allocate(rows);
      for (let row = 0; row < rows; row += 1) {
        runtime.layout.write(columns, row, variedInput(files.manifest, call + row));
      }
      await runtime.predict(columns).catch(() => undefined);
    }
  }
}

/** Takes the time of the example, alone and in micro-batches of `mostRows`: the median of a few calls each. */
export async function timeExample(runtime: ModelRuntime, mostRows: number): Promise<ExampleTime[]> {
  const times: ExampleTime[] = [];
  for (const rows of rowCountsOf(runtime, mostRows)) {
    const columns = examples(runtime, rows);
    const calls: number[] = [];
    const endMs = performance.now() + BUDGET_MS;
    do calls.push((await runtime.predict(columns)).predictMs);
    while (calls.length < TIMED_CALLS && performance.now() < endMs);
    times.push({ rows, ms: calls.toSorted((a, b) => a - b)[calls.length >> 1]! });
  }
  return times;
}

/** One row, and the most that the model runs at once. */
function rowCountsOf({ manifest, layout }: ModelRuntime, mostRows: number): number[] {
  const most = mostRowsOf(manifest, layout, mostRows);
  return most > 1 ? [1, most] : [1];
}

function examples({ layout, manifest }: ModelRuntime, rows: number) {
  const columns = layout.allocate(rows);
  for (let row = 0; row < rows; row += 1) layout.write(columns, row, { ...manifest.example });
  return columns;
}

/** A row that the manifest allows: its members go through their words, or from the least to the most, as `step` grows. */
function variedInput({ example, input }: Manifest, step: number): Record<string, unknown> {
  const varied: Record<string, unknown> = { ...example };
  for (const [member, property] of Object.entries(input.properties)) {
    const { enum: words, type, minimum, maximum }: ManifestProperty & Record<string, unknown> = property;
    if (words) varied[member] = words[step % words.length];
    else if (type === 'boolean') varied[member] = step % 2 === 0;
    else if (typeof minimum === 'number' && typeof maximum === 'number') {
      const value = minimum + (maximum - minimum) * ((step * 0.618) % 1);
      varied[member] = type === 'integer' ? Math.round(value) : value;
    }
  }
  return varied;
}
