import { basename, resolve } from 'node:path';
import { messageOf, ModelPackageError } from '../../shared/errors.js';
import type { Logger } from '../../shared/log/logger.js';
import { type Columns, createColumnLayout, mostRowsOf } from '../../shared/model/columns.js';
import { createRowReader, type RowResult } from '../../shared/model/row-reader.js';
import { TOLERANCE, worstDifference } from '../../worker/inference/agreement.js';
import { type EngineName, TF_ENGINE_NAMES } from '../../worker/inference/engine-names.js';
import { InferenceLostError } from '../../worker/inference/inference-errors.js';
import { InferenceProcess } from '../../worker/inference/parent/inference-process.js';
import { type ModelFiles, readModelFiles } from '../../worker/inference/parent/model-files.js';
import { median } from '../lib/figures.js';
import { highWaterMb } from '../lib/memory.js';

/** A package on one engine: what it takes, or why the engine does not run it. */
export type EngineCheck = { engine: EngineName } & (
  | { why: string }
  | {
      device: string;
      /** Median time of a call, in ms, with one row and with a full micro-batch. */
      times: { rows: number; ms: number }[];
      /** Largest resident memory of the inference process, in MB; Linux alone keeps it. */
      mb?: number | undefined;
      /** Largest difference between its answer to the example and that of the first engine. */
      difference: number;
    }
);

/** What was found of a package. It can be served where there are no faults. */
export interface PackageCheck {
  faults: string[];
  engines: EngineCheck[];
  /** Undefined where the files cannot be read. */
  files?: ModelFiles;
  /** The first engine's answer to the example. */
  answer?: RowResult;
}

/** Calls that are timed, unless they take longer than the budget together, in ms. */
const TIMED_CALLS = 9;
const BUDGET_MS = 2_000;

const ignore = (): void => undefined;
const SILENT: Logger = { error: ignore, warn: ignore, info: ignore, debug: ignore, isEnabled: () => false };

/**
 * Looks at everything by which a worker could refuse a package, and runs its example in a process of each engine, as a worker
 * with micro-batches of `maxBatch` rows does. An engine that is not here is no fault; wasm and onnx are always needed.
 *
 * @param entry program of the inference processes, where it is not the worker's
 */
export async function checkPackage(folder: string, maxBatch: number, entry?: string): Promise<PackageCheck> {
  const found: PackageCheck = { faults: [], engines: [] };
  try {
    found.files = await readModelFiles(folder);
  } catch (error) {
    if (!(error instanceof ModelPackageError)) throw error;
    found.faults.push(...error.problems);
    return found;
  }
  const { manifest } = found.files;
  const name = basename(resolve(folder));
  if (manifest.name !== name) {
    found.faults.push(`#/name is "${manifest.name}": the folder "${name}" must have the same name`);
  }
  const [needed, ...others]: readonly EngineName[] =
    manifest.format === 'onnx' ? ['onnx'] : TF_ENGINE_NAMES.toReversed();
  let expected: Float32Array[] | undefined;
  for (const engine of [needed!, ...others]) {
    try {
      const { outputs, ...check } = await runOn(engine, found.files, maxBatch, entry);
      expected ??= outputs;
      found.answer ??= createRowReader(manifest)(outputs, 0);
      const { difference, found: other, expected: wanted } = worstDifference(outputs, expected);
      found.engines.push({ engine, ...check, difference });
      if (difference <= TOLERANCE) continue;
      found.faults.push(`${engine} answers the example with ${other} where ${needed} says ${wanted}`);
    } catch (error) {
      const [, away] = /^the engine "\w+" cannot run here: (.*)/.exec(messageOf(error)) ?? [];
      const problems = problemsOf(messageOf(error));
      const isAway = away !== undefined || error instanceof InferenceLostError;
      if (engine === needed || !isAway) found.faults.push(...problems.map((why) => `${engine}: ${why}`));
      found.engines.push({ engine, why: away ?? problems[0]! });
      if (engine === needed) break;
    }
  }
  return found;
}

/** The problems of an error that an inference process told as text. */
function problemsOf(message: string): string[] {
  const listed = [...message.matchAll(/^ {2}- (.*)$/gm)].map(([, problem]) => problem!);
  return listed.length > 0 ? listed : [message.replaceAll(/\s*\n\s*/g, ' ')];
}

async function runOn(engine: EngineName, files: ModelFiles, maxBatch: number, entry: string | undefined) {
  const { manifest } = files;
  const layout = createColumnLayout(manifest);
  const inference = await InferenceProcess.start(files, { engine, maxBatch, entry, log: SILENT });
  try {
    const examples = (rows: number): Columns => {
      const columns = layout.allocate(rows);
      for (let row = 0; row < rows; row += 1) layout.write(columns, row, { ...manifest.example });
      return columns;
    };
    const { outputs } = await inference.predict(examples(1));
    const times: { rows: number; ms: number }[] = [];
    for (const rows of new Set([1, mostRowsOf(manifest, layout, maxBatch)])) {
      const columns = examples(rows);
      const calls: number[] = [];
      const endMs = performance.now() + BUDGET_MS;
      do calls.push((await inference.predict(columns)).predictMs);
      while (calls.length < TIMED_CALLS && performance.now() < endMs);
      times.push({ rows, ms: median(calls) });
    }
    const { device } = inference.report;
    return {
      outputs,
      device,
      times,
      mb: inference.pid === undefined ? undefined : highWaterMb(inference.pid),
    };
  } finally {
    await inference.end();
  }
}
