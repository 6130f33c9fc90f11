import { messageOf } from '../../../shared/errors.js';
import { answerExample, chooseEngine } from './choose-engine.js';
import type { EngineName } from '../engine-names.js';
import type { ModelRuntime } from './model-runtime.js';
import { watchParent } from './parent-watch.js';
import type { FromInference, PredictRequest, StartRequest, ToInference } from '../protocol.js';

/** Sizes of micro-batches that are run before the first job comes: alone, and in company. */
const WARM_UP_ROWS = [1, 64];

/**
 * Makes this process an inference process: it loads the model it is told and answers one micro-batch after the other, until
 * its worker is gone. A model that throws is answered as such and the process lives.
 */
export function serveInference(): void {
  if (!process.send) throw new Error('an inference process is started by a worker, not by hand');
  watchParent();
  // Signals to the whole group or container are the worker's to act on: it still needs this process to drain.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.once('disconnect', () => process.exit(0));
  let runtime: Promise<ModelRuntime> | undefined;
  let last: Promise<void> = Promise.resolve();
  process.on('message', (message: ToInference) => {
    if (message.type === 'start') {
      runtime = load(message.request);
      last = runtime.then(
        () => undefined,
        () => undefined,
      );
    } else if (runtime) {
      const loaded = runtime;
      last = last.then(async () => answer(await loaded, message));
    }
  });
}

async function load(request: StartRequest): Promise<ModelRuntime> {
  try {
    const onTry = (engine: EngineName): void => tell({ type: 'trying', engine });
    const { runtime, report } = await chooseEngine({ ...request, choice: request.engine, onTry });
    for (const rows of WARM_UP_ROWS) await answerExample(runtime, request.files, rows);
    tell({ type: 'ready', report });
    return runtime;
  } catch (error) {
    tell({ type: 'failed', message: messageOf(error) });
    throw error;
  }
}

async function answer(runtime: ModelRuntime, { id, columns }: PredictRequest): Promise<void> {
  try {
    tell({ type: 'predicted', id, prediction: await runtime.predict(columns) });
  } catch (error) {
    tell({ type: 'threw', id, message: messageOf(error) });
  }
}

const tell = (message: FromInference): void => void process.send?.(message);
