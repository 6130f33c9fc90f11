import { type Columns, createColumnLayout } from '../../shared/model/columns.js';
import { placeOutputs } from '../../shared/model/outputs.js';
import { createRowReader, problemOfRow } from '../../shared/model/row-reader.js';
import type { ModelFiles } from '../inference/parent/model-files.js';
import { type InferenceOptions, InferenceProcess } from '../inference/parent/inference-process.js';

/** One version of a model and the process that runs it: what a micro-batch sees from its first step to its last. */
export type ModelVersion = Awaited<ReturnType<typeof startVersion>>;

/** Starts a process for a package, as it was read. Rejects, leaving nothing behind, when it cannot serve. */
export async function startVersion(files: ModelFiles, options: InferenceOptions) {
  const { manifest } = files;
  const layout = createColumnLayout(manifest);
  const outputs = placeOutputs(manifest);
  return {
    files,
    manifest,
    inference: await InferenceProcess.start(files, options),
    layout,
    /** Lays inputs out in columns. */
    toColumns(inputs: readonly Readonly<Record<string, unknown>>[]): Columns {
      const columns = layout.allocate(inputs.length);
      inputs.forEach((input, row) => layout.write(columns, row, input));
      return columns;
    },
    readRow: createRowReader(manifest),
    /** Whether `readRow` would give a result. */
    isValidRow: (values: readonly Float32Array[], row: number): boolean =>
      problemOfRow(outputs, values, row) === undefined,
  };
}
