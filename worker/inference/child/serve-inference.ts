import { Worker } from 'node:worker_threads';
import { messageOf } from '../../../shared/errors.js';
import type { Columns } from '../../../shared/model/columns.js';
import { chooseEngine } from './choose-engine.js';
import type { EngineName } from '../engine-names.js';
import type { ModelRuntime } from './model-runtime.js';
import type { StartRequest } from '../protocol.js';
import { connectToWorker, type Tell } from './worker-socket.js';

/**
 * Makes this process an inference process: it loads the model it is told and answers one micro-batch after the other, until
 * its worker is gone. A model that throws is answered as such and the process lives.
 */
export function serveInference(): void {
  let runtime: Promise<ModelRuntime> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const tell = connectToWorker(({ message, arrays }) => {
    if (message.type === 'start') {
      const { files, ...request } = message.request;
      runtime = load({ ...request, files: { ...files, weights: arrays[0] as Uint8Array } }, tell);
      last = runtime.catch(() => undefined);
    } else if (runtime) {
      const loaded = runtime;
      const columns = { rows: message.rows, arrays };
      // An answer is out before the next micro-batch is begun, so that large ones do not pile up here.
      last = last.then(async () => answer(await loaded, message.id, columns, tell));
    }
  });
  // Ends this process with its parent even while a model holds up its event loop.
  const watch = new Worker(new URL('parent-watch-thread.js', import.meta.url), { workerData: process.ppid });
  watch.unref();
}

async function load(request: StartRequest, tell: Tell): Promise<ModelRuntime> {
  try {
    const onTry = (engine: EngineName): void => void tell({ type: 'trying', engine });
    const { runtime, report } = await chooseEngine({ ...request, onTry });
    await tell({ type: 'ready', report });
    return runtime;
  } catch (error) {
    await tell({ type: 'failed', message: messageOf(error) });
    throw error;
  }
}

async function answer(runtime: ModelRuntime, id: number, columns: Columns, tell: Tell): Promise<void> {
  try {
    const before = runtime.plainBecause;
    const { outputs, predictMs, numTensors, faults } = await runtime.predict(columns);
    // The worker logs what is written here. The report has what was known at the start.
    if (runtime.plainBecause !== before) {
      process.stderr.write(`kernels are replayed no more: ${runtime.plainBecause}\n`);
    }
    await tell({ type: 'predicted', id, predictMs, numTensors, faults }, outputs);
  } catch (error) {
    await tell({ type: 'threw', id, message: messageOf(error) });
  }
}
