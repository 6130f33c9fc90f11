import type { FromInference, ToInference } from '../../../worker/inference/protocol.js';

/** Time of a micro-batch of any size, in ms: none of it on a CPU, as with a model on a GPU. */
const PREDICT_MS = 20;

let outputs = 0;
// Like the real inference process, this one leaves signals to the worker, and ends with it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.once('disconnect', () => process.exit(0));
process.on('message', (message: ToInference) => {
  if (message.type === 'start') {
    outputs = message.request.files.manifest.outputs.length;
    tell({ type: 'ready', report: { engine: 'gpu', device: 'none, it only waits', passedOver: [] } });
  } else setTimeout(() => answer(message.id, message.columns.rows), PREDICT_MS);
});

/** One for every output of every row. */
function answer(id: number, rows: number): void {
  const ones = Array.from({ length: outputs }, () => new Float32Array(rows).fill(1));
  tell({ type: 'predicted', id, prediction: { outputs: ones, predictMs: PREDICT_MS, numTensors: 0 } });
}

const tell = (message: FromInference): void => void process.send?.(message);
