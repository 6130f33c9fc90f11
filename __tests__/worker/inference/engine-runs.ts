import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { EngineChoice, EngineName, EngineReport } from '../../../worker/inference/engine-names.js';
import { built } from '../../support/paths.js';

/** Programs and inference processes of the tests of engines. */
export const ENGINE_FIXTURES = resolve(__dirname, '../../fixtures/engines');

/** The driver for a Vulkan GPU made of software that Debian's chromium brings along (apt-get install chromium). */
export const SOFTWARE_DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** Environment in which Vulkan looks for this driver alone. A machine may have set the newer variable, which goes before. */
export function vulkanDrivers(file: string): NodeJS.ProcessEnv {
  return { VK_DRIVER_FILES: file, VK_ICD_FILENAMES: file };
}

/** Environment in which no engine finds a GPU of this machine. */
export const NO_GPU: NodeJS.ProcessEnv = { CUDA_VISIBLE_DEVICES: '-1', ...vulkanDrivers('/nowhere.json') };

/** Environment in which WebGPU finds {@link SOFTWARE_DRIVER} and nothing else; undefined where it is not installed. */
export const softwareGpu: NodeJS.ProcessEnv | undefined = existsSync(SOFTWARE_DRIVER)
  ? {
      ...vulkanDrivers(SOFTWARE_DRIVER),
      XDG_RUNTIME_DIR: tmpdir(),
      // The Vulkan loader lies beside it.
      LD_LIBRARY_PATH: [dirname(SOFTWARE_DRIVER), process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':'),
    }
  : undefined;

/** Whether an engine can run on this machine, in which environment, and if not why. */
export type Found = { env: NodeJS.ProcessEnv; device: string } | { why: string };

/**
 * Loads an engine in a process of its own, with `own` in its environment: with this machine's GPU where it has one, else
 * with one made of software.
 */
export function findEngine(engine: EngineName, own: NodeJS.ProcessEnv = {}): Found {
  const environments = engine === 'webgpu' && softwareGpu ? [own, softwareGpu] : [own];
  let why = '';
  for (const env of environments) {
    const { stdout, stderr, signal } = spawnSync(
      process.execPath,
      [resolve(ENGINE_FIXTURES, 'probe.mjs'), engine],
      { env: { ...process.env, ...env }, encoding: 'utf8' },
    );
    const found = stdout ? (JSON.parse(stdout) as { device?: string; why?: string }) : {};
    if (found.device !== undefined) return { env, device: found.device };
    why = found.why ?? `${signal ?? 'it ended'}: ${stderr}`;
  }
  return { why };
}

interface Answers {
  outputs: (number | null)[][];
  /** Alive in the process afterwards. */
  numTensors: number;
}

/** What contract.mjs prints of one model. */
export interface EngineRun {
  report: EngineReport;
  /** To micro-batches of 1, 512 and 1 rows, and of 4,096 where that does not take minutes. */
  answers: Answers[];
  /** What became of a new version of the greenhouse and of the old one. */
  swap?: Record<'before' | 'after' | 'alone' | 'back', Answers> & { lost: string };
}

export const SUBJECTS = ['trip-duration', 'trip-duration-linear', 'greenhouse'] as const;
export type Subject = (typeof SUBJECTS)[number];

/** Runs models on an engine. Rejects with what the engine or a model says when it cannot. */
export async function runEngine<S extends Subject>(
  engine: EngineChoice,
  models: readonly S[],
  env: NodeJS.ProcessEnv = {},
): Promise<Record<S, EngineRun>> {
  built('worker/inference/child/main.js');
  const args = [resolve(ENGINE_FIXTURES, 'contract.mjs'), engine, ...models];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { ...process.env, ...env },
    maxBuffer: 16 * 1024 * 1024,
  });
  return JSON.parse(stdout) as Record<S, EngineRun>;
}

/** Rows whose values lie further from the others than a tolerance, relative above 1. */
export function disagreements(found: Answers, expected: Answers, tolerance = 1e-3): string[] {
  return expected.outputs.flatMap((wanted, output) =>
    wanted.flatMap((value, row) => {
      const other = found.outputs[output]?.[row] ?? Number.NaN;
      const isNear = value !== null && Math.abs(other - value) <= tolerance * Math.max(1, Math.abs(value));
      return isNear ? [] : [`output ${output}, row ${row}: ${other} instead of ${value}`];
    }),
  );
}
