import { join } from 'node:path';
import { type Columns, type ColumnLayout, createColumnLayout } from '../../shared/model/columns.js';
import { readManifest } from '../../shared/model/read-manifest.js';
import { InferenceProcess } from '../../worker/inference/parent/inference-process.js';
import { readModelFiles } from '../../worker/inference/parent/model-files.js';
import { loadModelRuntime } from '../../worker/inference/child/model-runtime.js';
import type { Figure } from '../lib/figures.js';
import type { BenchHost } from './service.js';

const BATCH_ROWS = 1_024;

/** A model in this process, and the micro-batch that it is measured with. */
export interface Engine {
  /** Runs the micro-batch so often; resolves to rows a second. */
  rowsPerSecond(calls: number): Promise<number>;
  dispose(): void;
}
const CALLS_A_ROUND = 100;

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

/** Rows a second at 1,024 rows a call: through the inference process, and in this process, in turns. */
export async function benchInference(
  host: BenchHost,
  { model, rounds }: { model: string; rounds: number },
): Promise<Figure[]> {
  const folder = join(host.root, 'model', model);
  const bare = await openEngine(host, model);
  const child = await InferenceProcess.start(await readModelFiles(folder), { engine: 'wasm', log: host.log });
  const columns = exampleBatch(createColumnLayout(readManifest(folder)), folder);
  const through = (): Promise<number> => rateOf(CALLS_A_ROUND, () => child.predict(columns));
  const [inProcess, throughProcess]: [number[], number[]] = [[], []];
  try {
    await bare.rowsPerSecond(CALLS_A_ROUND);
    await through();
    for (let round = 0; round < rounds; round += 1) {
      inProcess.push(await bare.rowsPerSecond(CALLS_A_ROUND));
      throughProcess.push(await through());
    }
  } finally {
    await child.end();
    bare.dispose();
  }
  return [
    { name: 'in this process', unit: 'rows/s', rounds: inProcess },
    { name: 'through the inference process', unit: 'rows/s', rounds: throughProcess },
    {
      name: 'ratio, through over in',
      unit: '',
      rounds: throughProcess.map((value, i) => value / (inProcess[i] ?? Number.NaN)),
    },
  ];
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
