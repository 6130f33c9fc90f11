import { messageOf, ModelPackageError } from '../../../shared/errors.js';
import { createRowReader } from '../../../shared/model/row-reader.js';
import {
  ENGINE_NAMES,
  type EngineChoice,
  type EngineName,
  type EngineReport,
  type PassedOver,
} from '../engine-names.js';
import { EngineUnavailableError } from '../inference-errors.js';
import type { ModelFiles } from '../parent/model-files.js';
import type { Device } from './engines/engine.js';
import { ENGINES } from './engines/engines.js';
import { createModelRuntime, type ModelRuntime } from './model-runtime.js';
import { tf } from './tensorflow.js';

/** Largest difference between an engine's answer and that of wasm, relative to it (absolute below 1). */
const TOLERANCE = 1e-3;

/** The model to run, and the engine that is asked for. */
export interface EngineWish {
  choice: EngineChoice;
  files: ModelFiles;
  gpuMemoryMb: number | undefined;
  /** Engines known not to work here, such as one that crashed an earlier process. */
  passedOver: readonly PassedOver[];
  /** Is called before the code of an engine is loaded, which may crash the process. */
  onTry: (engine: EngineName) => void;
}

/** A model on the engine it runs on. */
export interface EngineOnDuty {
  runtime: ModelRuntime;
  report: EngineReport;
}

/**
 * Loads the demanded engine, or under `auto` the first that loads, is no software GPU, and answers the manifest's
 * example as wasm does. Throws {@link EngineUnavailableError} when a demanded one fails.
 */
export function chooseEngine(wish: EngineWish): Promise<EngineOnDuty> {
  return wish.choice === 'auto' ? firstThatWorks(wish) : demanded(wish.choice, wish);
}

async function demanded(engine: EngineName, wish: EngineWish): Promise<EngineOnDuty> {
  wish.onTry(engine);
  const options = { gpuMemoryMb: wish.gpuMemoryMb, allowSoftware: true };
  const device = await ENGINES[engine].load(options).catch((cause: unknown) => {
    throw new EngineUnavailableError(engine, messageOf(cause), ENGINES[engine].advice);
  });
  return { runtime: await createModelRuntime(wish.files), report: reportOn(engine, device) };
}

async function firstThatWorks(wish: EngineWish): Promise<EngineOnDuty> {
  const wasm = await demanded('wasm', wish);
  const expected = await answerExample(wasm.runtime, wish.files);
  const passedOver = [...wish.passedOver];
  for (const engine of ENGINE_NAMES) {
    if (engine === 'wasm' || passedOver.some((known) => known.engine === engine)) continue;
    try {
      const onDuty = await tryEngine(engine, wish, expected);
      wasm.runtime.dispose();
      return { ...onDuty, report: { ...onDuty.report, passedOver } };
    } catch (cause) {
      passedOver.push({ engine, why: messageOf(cause).replaceAll(/\s*\n\s*/g, ' ') });
    }
  }
  // The last engine that was tried may have left another backend set, or none.
  await tf.setBackend(ENGINES.wasm.backend);
  return { ...wasm, report: { ...wasm.report, passedOver } };
}

/** Throws the reason why the engine does not serve, and removes its backend from TensorFlow.js then. */
async function tryEngine(
  engine: EngineName,
  wish: EngineWish,
  expected: readonly Float32Array[],
): Promise<EngineOnDuty> {
  const { backend } = ENGINES[engine];
  wish.onTry(engine);
  try {
    const device = await ENGINES[engine].load({ gpuMemoryMb: wish.gpuMemoryMb, allowSoftware: false });
    const runtime = await createModelRuntime(wish.files);
    checkAgreement(await answerExample(runtime, wish.files), expected);
    return { runtime, report: reportOn(engine, device) };
  } catch (cause) {
    // The two native engines share a backend name: a backend left by one would be taken for the other's.
    if (tf.findBackendFactory(backend)) tf.removeBackend(backend);
    throw cause;
  }
}

const reportOn = (engine: EngineName, { description, memory }: Device): EngineReport => ({
  engine,
  device: memory === undefined ? description : `${description}; ${memory}`,
  passedOver: [],
});

/**
 * Outputs for `rows` copies of the manifest's example. Throws {@link ModelPackageError} when the model does not answer, or
 * gives an answer that would fail every job.
 */
export async function answerExample(
  runtime: ModelRuntime,
  { folder, manifest }: ModelFiles,
  rows = 1,
): Promise<Float32Array[]> {
  const columns = runtime.layout.allocate(rows);
  for (let row = 0; row < rows; row += 1) runtime.layout.write(columns, row, { ...manifest.example });
  const { outputs } = await runtime.predict(columns).catch((cause: unknown) => {
    throw new ModelPackageError(folder, [`#/example is not answered: ${messageOf(cause)}`]);
  });
  const readRow = createRowReader(manifest);
  for (let row = 0; row < rows; row += 1) {
    const read = readRow(outputs, row);
    if (!read.ok) throw new ModelPackageError(folder, [`#/example has no valid answer: ${read.message}`]);
  }
  return outputs;
}

function checkAgreement(answer: readonly Float32Array[], wasm: readonly Float32Array[]): void {
  answer.forEach((values, output) => {
    const [found = Number.NaN, expected = Number.NaN] = [values[0], wasm[output]?.[0]];
    if (Math.abs(found - expected) <= TOLERANCE * Math.max(1, Math.abs(expected))) return;
    throw new Error(`it answers the example with ${found} where wasm says ${expected}`);
  });
}
