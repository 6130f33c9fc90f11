import { messageOf } from '../../../shared/errors.js';
import {
  type EngineName,
  type EngineReport,
  type PassedOver,
  TF_ENGINE_NAMES,
  type TfEngineName,
} from '../engine-names.js';
import { EngineUnavailableError } from '../inference-errors.js';
import type { StartRequest } from '../protocol.js';
import { TOLERANCE, worstDifference } from '../agreement.js';
import { ENGINES } from './engines/engines.js';
import { createModelRuntime, type ModelRuntime } from './model-runtime.js';
import { tf } from './tensorflow.js';
import { answerExample, type ExampleTime, timeExample, warmUp } from './warm-up.js';

/** The model to run, and the engine that is asked for. */
export interface EngineWish extends StartRequest {
  /** Is called before the code of an engine is loaded, which may crash the process. */
  onTry: (engine: EngineName) => void;
}

/** A model on the engine it runs on. */
export interface EngineOnDuty {
  runtime: ModelRuntime;
  report: EngineReport;
}

/** A model that an engine answers rightly, and how long that takes. */
export interface Candidate {
  engine: TfEngineName;
  device: string;
  runtime: ModelRuntime;
  times: readonly ExampleTime[];
}

/**
 * Loads the demanded engine, or under `auto` the fastest of those that load, are no software GPU, and answer the
 * manifest's example as wasm does. The model is warm afterwards. Throws {@link EngineUnavailableError} when a demanded
 * engine fails, and ModelPackageError when the model does not answer its example.
 */
export async function chooseEngine(wish: EngineWish): Promise<EngineOnDuty> {
  const { engine } = wish;
  if (engine === 'auto') return fastestThatWorks(wish);
  const device = await loadDemanded(engine, wish);
  const runtime = await createModelRuntime(wish.files);
  await warmUp(runtime, wish.files, wish.maxBatch);
  return { runtime, report: reportOn({ engine, device, runtime }, []) };
}

/** Loads an engine by name; resolves to its device. Throws {@link EngineUnavailableError}. */
export async function loadDemanded(
  engine: EngineName,
  { gpuMemoryMb, onTry }: Pick<EngineWish, 'gpuMemoryMb' | 'onTry'>,
): Promise<string> {
  onTry(engine);
  return ENGINES[engine].load({ gpuMemoryMb, allowSoftware: true }).catch((cause: unknown) => {
    throw new EngineUnavailableError(engine, messageOf(cause), ENGINES[engine].advice);
  });
}

async function fastestThatWorks(wish: EngineWish): Promise<EngineOnDuty> {
  const device = await loadDemanded('wasm', wish);
  const runtime = await createModelRuntime(wish.files);
  const expected = await answerExample(runtime, wish.files);
  const candidates = [await ready({ engine: 'wasm', device, runtime }, wish)];
  const passedOver = [...wish.passedOver];
  for (const engine of TF_ENGINE_NAMES) {
    if (engine === 'wasm' || passedOver.some((known) => known.engine === engine)) continue;
    try {
      const rival = candidates.find((other) => ENGINES[other.engine].backend === ENGINES[engine].backend);
      if (rival) throw new Error(`one process runs it or ${rival.engine}, not both`);
      candidates.push(await tryEngine(engine, wish, expected));
    } catch (cause) {
      passedOver.push({ engine, why: messageOf(cause).replaceAll(/\s*\n\s*/g, ' ') });
    }
  }
  const { fastest, slower } = compareTimes(candidates);
  for (const candidate of candidates) if (candidate !== fastest) candidate.runtime.dispose();
  // The last engine that was tried may have left another backend set, or none.
  await tf.setBackend(ENGINES[fastest.engine].backend);
  const report = reportOn(fastest, [...passedOver, ...slower]);
  return { runtime: fastest.runtime, report: { ...report, holdsOthers: slower.length > 0 } };
}

/** Throws the reason why the engine does not serve, and removes its backend from TensorFlow.js then. */
async function tryEngine(
  engine: TfEngineName,
  wish: EngineWish,
  expected: readonly Float32Array[],
): Promise<Candidate> {
  const { backend } = ENGINES[engine];
  wish.onTry(engine);
  try {
    const device = await ENGINES[engine].load({ gpuMemoryMb: wish.gpuMemoryMb, allowSoftware: false });
    const runtime = await createModelRuntime(wish.files);
    const worst = worstDifference(await answerExample(runtime, wish.files), expected);
    if (worst.difference > TOLERANCE) {
      throw new Error(`it answers the example with ${worst.found} where wasm says ${worst.expected}`);
    }
    return await ready({ engine, device, runtime }, wish);
  } catch (cause) {
    // The two native engines share a backend name: a backend left by one would be taken for the other's.
    if (tf.findBackendFactory(backend)) tf.removeBackend(backend);
    throw cause;
  }
}

async function ready(
  candidate: Omit<Candidate, 'times'>,
  { files, maxBatch }: EngineWish,
): Promise<Candidate> {
  await warmUp(candidate.runtime, files, maxBatch);
  return { ...candidate, times: await timeExample(candidate.runtime, maxBatch) };
}

/**
 * The candidate that takes the least time for one row and one full micro-batch together: an idle service sees the first,
 * a busy one the second. Of two that take the same, the earlier. The others are passed over, with the figures of both.
 */
export function compareTimes<T extends Pick<Candidate, 'engine' | 'times'>>(
  candidates: readonly T[],
): { fastest: T; slower: PassedOver[] } {
  const msOf = ({ times }: T): number => times.reduce((sum, { ms }) => sum + ms, 0);
  const fastest = candidates.reduce((best, candidate) => (msOf(candidate) < msOf(best) ? candidate : best));
  const figures = ({ engine, times }: T): string =>
    `${engine} takes ${times.map(({ rows, ms }) => `${ms.toFixed(2)} ms for ${rows === 1 ? 'a row' : `${rows} rows`}`).join(' and ')}`;
  const slower = candidates.flatMap((candidate) =>
    candidate === fastest
      ? []
      : [{ engine: candidate.engine, why: `it is slower: ${figures(candidate)}, ${figures(fastest)}` }],
  );
  return { fastest, slower };
}

const reportOn = (
  { engine, device, runtime }: Pick<Candidate, 'device' | 'runtime'> & { engine: EngineName },
  passedOver: PassedOver[],
): EngineReport => ({ engine, device, passedOver, plainBecause: runtime.plainBecause });
