import { join } from 'node:path';
import type { ColumnLayout, Columns } from '../../shared/model/columns.js';
import { readManifest } from '../../shared/model/read-manifest.js';
import { loadModelRuntime } from '../../worker/inference/child/model-runtime.js';
import type { BenchHost } from './service.js';

const BATCH_ROWS = 1_024;

/** A model in this process, and the micro-batch that it is measured with. */
export interface Engine {
  /** Runs the micro-batch so often; resolves to rows a second. */
  rowsPerSecond(calls: number): Promise<number>;
  dispose(): void;
}

/** Loads a model on the wasm engine in this process, without anything of ours around it. */
export async function openEngine(host: BenchHost, model: string): Promise<Engine> {
  const folder = join(host.root, 'model', model);
  const runtime = await loadModelRuntime(folder, 'wasm');
  const columns = exampleBatch(runtime.layout, folder);
  return {
    rowsPerSecond: (calls) => rateOf(calls, () => runtime.predict(columns)),
    dispose: () => runtime.dispose(),
  };
}

function exampleBatch(layout: ColumnLayout, folder: string): Columns {
  const { example } = readManifest(folder);
  const columns = layout.allocate(BATCH_ROWS);
  for (let row = 0; row < BATCH_ROWS; row += 1) layout.write(columns, row, example);
  return columns;
}

async function rateOf(calls: number, predict: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  for (let call = 0; call < calls; call += 1) await predict();
  return (BATCH_ROWS * calls * 1000) / (performance.now() - startMs);
}
