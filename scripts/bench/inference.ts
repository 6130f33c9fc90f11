import { join } from 'node:path';
import { readManifest } from '../../shared/model/manifest.js';
import { createLogger } from '../../shared/log/logger.js';
import { InferenceProcess } from '../../worker/inference/inference-process.js';
import { readModelFiles } from '../../worker/inference/model-files.js';
import { loadModelRuntime } from '../../worker/inference/model-runtime.js';
import type { Figure } from './figures.js';
import type { BenchHost } from './service.js';

const BATCH_ROWS = 1_024;
const CALLS_A_ROUND = 100;

/** Rows a second at 1,024 rows a call: through the inference process, and in this process, in turns. */
export async function benchInference(
  host: BenchHost,
  { model, rounds }: { model: string; rounds: number },
): Promise<Figure[]> {
  const folder = join(host.root, 'model', model);
  const example: Record<string, unknown> = { ...readManifest(folder).example };
  const log = createLogger('bench', { level: 'error', dir: undefined, pretty: true });
  const bare = await loadModelRuntime(folder, 'wasm');
  const child = await InferenceProcess.start(readModelFiles(folder), { engine: 'wasm', log });
  const batch = bare.layout.allocate(BATCH_ROWS);
  for (let row = 0; row < BATCH_ROWS; row += 1) bare.layout.write(batch, row, example);
  const rate = async (predict: () => Promise<unknown>): Promise<number> => {
    const startMs = performance.now();
    for (let call = 0; call < CALLS_A_ROUND; call += 1) await predict();
    return (BATCH_ROWS * CALLS_A_ROUND * 1000) / (performance.now() - startMs);
  };
  const [inProcess, throughProcess]: [number[], number[]] = [[], []];
  try {
    await rate(() => bare.predict(batch));
    await rate(() => child.predict(batch));
    for (let round = 0; round < rounds; round += 1) {
      inProcess.push(await rate(() => bare.predict(batch)));
      throughProcess.push(await rate(() => child.predict(batch)));
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
