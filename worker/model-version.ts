import { type ColumnBatch, type ColumnLayout, createColumnLayout } from '../shared/model/columns.js';
import type { Manifest } from '../shared/model/manifest.js';
import { createRowCheck, createRowReader, type ReadRow } from '../shared/model/row-reader.js';
import { readModelFiles } from './inference/model-files.js';
import { type InferenceOptions, InferenceProcess } from './inference/inference-process.js';

/** One version of a model and the process that runs it: what a micro-batch sees from its first step to its last. */
export interface ModelVersion {
  manifest: Manifest;
  inference: InferenceProcess;
  layout: ColumnLayout;
  /** Lays inputs out in columns. */
  toColumns(inputs: readonly Readonly<Record<string, unknown>>[]): ColumnBatch;
  readRow: ReadRow;
  /** Whether {@link readRow} would give a result. */
  isValidRow(outputs: readonly Float32Array[], row: number): boolean;
}

/** Reads the package in `folder` and starts a process for it. Rejects, leaving nothing behind, when it cannot serve. */
export async function startVersion(folder: string, options: InferenceOptions): Promise<ModelVersion> {
  const files = readModelFiles(folder);
  const layout = createColumnLayout(files.manifest);
  return {
    manifest: files.manifest,
    inference: await InferenceProcess.start(files, options),
    toColumns(inputs) {
      const batch = layout.allocate(inputs.length);
      inputs.forEach((input, row) => layout.write(batch, row, input));
      return batch;
    },
    layout,
    readRow: createRowReader(files.manifest),
    isValidRow: createRowCheck(files.manifest),
  };
}
