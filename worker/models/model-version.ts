import { type Columns, type ColumnLayout, createColumnLayout } from '../../shared/model/columns.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { placeOutputs } from '../../shared/model/outputs.js';
import { createRowReader, problemOfRow, type ReadRow } from '../../shared/model/row-reader.js';
import type { ModelFiles } from '../inference/parent/model-files.js';
import { type InferenceOptions, InferenceProcess } from '../inference/parent/inference-process.js';

/** One version of a model and the process that runs it: what a micro-batch sees from its first step to its last. */
export interface ModelVersion {
  /** The package as it was read. */
  files: ModelFiles;
  manifest: Manifest;
  inference: InferenceProcess;
  layout: ColumnLayout;
  /** Lays inputs out in columns. */
  toColumns(inputs: readonly Readonly<Record<string, unknown>>[]): Columns;
  readRow: ReadRow;
  /** Whether {@link readRow} would give a result. */
  isValidRow(values: readonly Float32Array[], row: number): boolean;
}

/** Starts a process for a package. Rejects, leaving nothing behind, when it cannot serve. */
export async function startVersion(files: ModelFiles, options: InferenceOptions): Promise<ModelVersion> {
  const layout = createColumnLayout(files.manifest);
  const outputs = placeOutputs(files.manifest);
  return {
    files,
    manifest: files.manifest,
    inference: await InferenceProcess.start(files, options),
    toColumns(inputs) {
      const columns = layout.allocate(inputs.length);
      inputs.forEach((input, row) => layout.write(columns, row, input));
      return columns;
    },
    layout,
    readRow: createRowReader(files.manifest),
    isValidRow: (values, row) => problemOfRow(outputs, values, row) === undefined,
  };
}
