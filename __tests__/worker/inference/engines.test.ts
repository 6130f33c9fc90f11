import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ENGINE_NAMES, type EngineName, type EngineReport } from '../../../worker/inference/engine-names.js';
import { ENGINES } from '../../../worker/inference/engines.js';
import { InferenceProcess } from '../../../worker/inference/inference-process.js';
import { readModelFiles } from '../../../worker/inference/model-files.js';
import { built, FIXTURES, MODELS } from '../paths.js';
import { recordingLog } from '../recording-log.js';

// A software GPU is slow, and so is a machine that is busy.
jest.setTimeout(180_000);

interface Answers {
  outputs: number[][];
  numTensors: number;
}

/** What engine-answers.mjs prints. */
interface EngineRun {
  error?: string;
  report: EngineReport;
  before: Answers[];
  lost: string;
  afterKill: Answers;
}

const CASES = {
  'trip-duration-linear': [
    { PULocationID: 130, DOLocationID: 205, trip_distance: 3 },
    { PULocationID: 265, DOLocationID: 1, trip_distance: 0 },
    { PULocationID: 9999, DOLocationID: -4, trip_distance: 12.5 },
    { PULocationID: 74, DOLocationID: 75, trip_distance: 1, pickup_datetime: '2021-02-01T08:15:00' },
  ],
  greenhouse: [
    { temperature: 20, humidity: 0.5, season: 'summer', vent_open: true },
    { temperature: -10, humidity: 0 },
    { temperature: 60, humidity: 1, season: 'autumn', vent_open: false },
  ],
};
type ModelName = keyof typeof CASES;
const MODEL_NAMES = Object.keys(CASES) as ModelName[];

async function run(engine: EngineName | 'auto', model: ModelName, env = {}): Promise<EngineRun> {
  built('worker/inference/main.js');
  const folder = join(model === 'greenhouse' ? FIXTURES : MODELS, model);
  const script = join(FIXTURES, 'engine-answers.mjs');
  const args = [script, engine, folder, JSON.stringify(CASES[model])];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
  return JSON.parse(stdout) as EngineRun;
}

/** Environment in which WebGPU finds the software driver that Debian's chromium brings; undefined without one. */
function softwareGpu(): Record<string, string> | undefined {
  const driver = process.env['VK_ICD_FILENAMES'] ?? '/usr/lib/chromium/vk_swiftshader_icd.json';
  if (!existsSync(driver)) return undefined;
  return {
    VK_ICD_FILENAMES: driver,
    XDG_RUNTIME_DIR: tmpdir(),
    LD_LIBRARY_PATH: [dirname(driver), process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':'),
  };
}

const wasmRuns = new Map<ModelName, Promise<EngineRun>>();

/** What wasm answers, asked once a model. */
function wasmRun(model: ModelName): Promise<EngineRun> {
  const known = wasmRuns.get(model) ?? run('wasm', model);
  wasmRuns.set(model, known);
  return known;
}

/** Whether each number lies within 1e-3 of the other side's, relative above 1. */
function agree(found: Answers, expected: Answers): boolean {
  const [values, wanted] = [found.outputs.flat(), expected.outputs.flat()];
  const isNear = (value: number, index: number): boolean => {
    const other = wanted[index] ?? Number.NaN;
    return Math.abs(value - other) <= 1e-3 * Math.max(1, Math.abs(other));
  };
  return values.length === wanted.length && values.every(isNear);
}

/** What an engine does otherwise than it should. */
async function faultsOf(engine: EngineName, env = {}): Promise<string[]> {
  const faults: string[] = [];
  for (const model of MODEL_NAMES) {
    const [wasm, found] = [await wasmRun(model), await run(engine, model, env)];
    if (found.error !== undefined) {
      process.stderr.write(`NOT RUN on ${engine}: ${found.error}\n`);
      const isPlain = found.error.startsWith(`the engine "${engine}" cannot run here`);
      return isPlain && found.error.includes(ENGINES[engine].advice) ? [] : [found.error];
    }
    if (found.report.engine !== engine) faults.push(`${model} runs on ${found.report.engine}`);
    found.before.forEach((answers, size) => {
      if (!agree(answers, wasm.before[size] ?? answers)) faults.push(`${model} differs at size ${size}`);
      if (answers.numTensors !== found.before[0]?.numTensors) faults.push(`${model} keeps tensors`);
    });
    if (found.lost !== 'killed') faults.push(`${model} is not ended by a kill`);
    if (!agree(found.afterKill, wasm.afterKill)) faults.push(`${model} differs after a kill`);
  }
  return faults;
}

it.each(['wasm', 'gpu', 'node'] as const)(
  'answers on %s like wasm, or says why it cannot',
  async (engine) => {
    expect(await faultsOf(engine)).toEqual([]);
  },
);

it('never lacks wasm', async () => {
  expect((await wasmRun('greenhouse')).report).toMatchObject({ engine: 'wasm', passedOver: [] });
});

it('answers on webgpu like wasm where there is a GPU, or a driver made of software', async () => {
  const env = softwareGpu();
  if (!env) process.stderr.write('no software Vulkan driver here (Debian: apt-get install chromium)\n');
  expect(await faultsOf('webgpu', env)).toEqual([]);
});

it('takes the first engine that works under auto, says why not the others, and never a software GPU', async () => {
  const { report } = await run('auto', 'trip-duration-linear', softwareGpu() ?? {});
  const before = ENGINE_NAMES.slice(0, ENGINE_NAMES.indexOf(report.engine));
  expect(report.passedOver.map(({ engine }) => engine)).toEqual(before);
  for (const { why } of report.passedOver) expect(why.length).toBeGreaterThan(10);
  expect(report.device).not.toMatch(/swiftshader|llvmpipe/i);
});

it('leaves an engine out that takes the process down while it loads', async () => {
  const inference = await InferenceProcess.start(readModelFiles(join(FIXTURES, 'greenhouse')), {
    entry: join(FIXTURES, 'engine-that-crashes.mjs'),
    engine: 'auto',
    log: recordingLog(),
  });
  const { engine, passedOver } = inference.report;
  await inference.end();
  expect(engine).toBe('wasm');
  expect(passedOver).toEqual([{ engine: 'gpu', why: expect.stringContaining('SIGSEGV') as string }]);
});
