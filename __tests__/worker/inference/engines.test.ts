import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '../../../shared/errors.js';
import {
  ENGINE_NAMES,
  type EngineName,
  TF_ENGINE_NAMES,
  type TfEngineName,
} from '../../../worker/inference/engine-names.js';
import { ENGINES } from '../../../worker/inference/child/engines/engines.js';
import { compareTimes } from '../../../worker/inference/child/choose-engine.js';
import { importOptional } from '../../../worker/inference/child/engines/engine.js';
import { InferenceProcess } from '../../../worker/inference/parent/inference-process.js';
import { readModelFiles } from '../../../worker/inference/parent/model-files.js';
import { until } from '../../support/latch.js';
import { built, FIXTURES, ONNX_FIXTURES } from '../../support/paths.js';
import { writePhoto } from '../../support/photos.js';
import { recordingLog } from '../../support/recording-log.js';
import {
  disagreements,
  ENGINE_FIXTURES,
  type EngineRun,
  findEngine,
  type Found,
  NO_GPU,
  runEngine,
  SOFTWARE_DRIVER,
  softwareGpu,
  type Subject,
  SUBJECTS,
} from './engine-runs.js';

// A software GPU is slow, and so is a machine that is busy.
jest.setTimeout(1_200_000);

/**
 * Without a GPU the package of the engine `gpu` runs on the CPU. The engine refuses that; here `node` takes the package in
 * place of its own.
 */
const ON_GPU_PACKAGE = { NODE_OPTIONS: `--import=${join(ENGINE_FIXTURES, 'gpu-package.mjs')}` };

const machine = Object.fromEntries(ENGINE_NAMES.map((engine) => [engine, findEngine(engine)])) as Record<
  EngineName,
  Found
>;
const onGpuPackage = findEngine('node', ON_GPU_PACKAGE);
const sayNotRun = (what: string, why: string): void =>
  void process.stderr.write(`\nNOT RUN on this machine: ${what}, since ${why}\n`);

let wasm: Promise<Record<Subject, EngineRun>>;
beforeAll(() => {
  wasm = runEngine('wasm', SUBJECTS);
});

describe.each([
  ...ENGINE_NAMES.map((engine) => ({ name: engine, engine, found: machine[engine] })),
  { name: 'node, on the package of gpu', engine: 'node', found: onGpuPackage } as const,
])('the contract of engines: $name', ({ name, engine, found }) => {
  if ('why' in found) {
    sayNotRun(`the contract of the engine ${name}`, found.why);
    // One line in the summary instead of the whole contract.
    // oxlint-disable-next-line jest/no-disabled-tests, jest/expect-expect
    it.skip(`is not run: ${found.why}`, () => undefined);
    return;
  }
  let runs: Record<Subject, EngineRun>;
  let expected: Record<Subject, EngineRun>;
  beforeAll(async () => {
    expected = await wasm;
    runs = engine === 'wasm' ? expected : await runEngine(engine, SUBJECTS, found.env);
  });

  it.each(SUBJECTS)('is what %s runs on', (model) => {
    expect(runs[model].report).toEqual({ engine, device: found.device, passedOver: [] });
  });

  it.each(SUBJECTS)('answers one row of %s, and 512 and 4,096 of every kind, as wasm does', (model) => {
    const [one, many, again, most] = runs[model].answers;
    expect(many?.outputs[0]).toHaveLength(512);
    // A GPU made of software takes minutes for more.
    expect(most?.outputs[0]?.length).toBe(engine === 'webgpu' ? undefined : 4_096);
    expect(expected[model].answers).toHaveLength(4);
    runs[model].answers.forEach((answers, call) => {
      const same = expected[model].answers[call] ?? answers;
      expect(disagreements(answers, same, engine === 'onnx' ? 1e-4 : 1e-3)).toEqual([]);
    });
    expect(again).toEqual(one);
  });

  // ONNX Runtime has no tensors of TensorFlow.js.
  const counted = engine === 'onnx' ? [] : SUBJECTS;
  for (const model of counted) {
    it(`leaves no tensor of a call to ${model} behind`, () => {
      const counts = runs[model].answers.map(({ numTensors }) => numTensors);
      expect(counts).toEqual(counts.map(() => counts[0]));
    });
  }

  it('runs another version beside the old one, and on without it', () => {
    const [swap, same] = [runs.greenhouse.swap, expected.greenhouse.swap];
    if (!swap || !same) throw new Error('the greenhouse is the one that is replaced');
    expect(disagreements(swap.before, same.before)).toEqual([]);
    expect(disagreements(swap.after, same.after)).toEqual([]);
    expect(disagreements(swap.before, same.after)).not.toEqual([]);
    expect(swap.alone).toEqual(swap.after);
  });

  it('is ended by a kill in mid-prediction, and is back', () => {
    const { swap } = runs.greenhouse;
    expect(swap?.lost).toBe('killed');
    expect(swap?.back).toEqual(swap?.after);
  });
});

const hasAddon = (name: string): boolean =>
  existsSync(resolve('node_modules/@tensorflow', name, 'lib/napi-v8/tfjs_binding.node'));

it('runs wasm and onnx everywhere, webgpu where the software driver is, and node where its addon was built', () => {
  const running = { device: expect.any(String) as string };
  expect({ ...machine, onGpuPackage }).toMatchObject({
    ...(hasAddon('tfjs-node-gpu') ? { onGpuPackage: running } : {}),
    ...(hasAddon('tfjs-node') ? { node: running } : {}),
    wasm: running,
    onnx: running,
    ...(softwareGpu ? { webgpu: running } : {}),
  });
});

describe('an engine that cannot run', () => {
  const start = async (engine: EngineName) =>
    InferenceProcess.start(await readModelFiles(join(FIXTURES, 'greenhouse')), {
      entry: built('worker/inference/child/main.js'),
      engine,
      log: recordingLog(),
    });

  it('is not installed: the start that names it fails, and says why and what to do', async () => {
    const native = (['gpu', 'node'] as const).flatMap((engine) => {
      const found = machine[engine];
      return 'why' in found ? [{ engine, why: found.why }] : [];
    });
    if (native.length < 2) sayNotRun('what gpu and node say when they are missing', 'one of them is there');
    const complaints = await Promise.all(native.map(({ engine }) => start(engine).catch(messageOf)));
    const expected = native.map(
      ({ engine, why }) => `the engine "${engine}" cannot run here: ${why}\n  ${ENGINES[engine].advice}`,
    );
    expect(complaints).toEqual(expected);
    const reasons = native.map(({ why }) => why);
    expect(reasons.filter((why) => !/ is not installed$| does not load \(|no CUDA GPU/.test(why))).toEqual(
      [],
    );
  });

  it('is not installed, where a package is in ONNX: its start fails, and says why and what to do', async () => {
    await expect(startWithout('onnxruntime-node', resolve(ONNX_FIXTURES, 'forest'))).rejects.toThrow(
      `the engine "onnx" cannot run here: onnxruntime-node is not installed\n  ${ENGINES.onnx.advice}`,
    );
  });

  it('lacks what decodes images: a package that has some does not start, and says which column and what to do', async () => {
    const models = mkdtempSync(join(tmpdir(), 'waggle-photos-'));
    await expect(startWithout('sharp', await writePhoto(models))).rejects.toThrow(
      '#/columns/0 "photo" is an image, and sharp is not installed: npm start installs the workspace worker/images',
    );
    rmSync(models, { recursive: true });
  });

  /** Starts an inference process where a package is not installed. */
  async function startWithout(missing: string, model: string): Promise<InferenceProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-without-'));
    try {
      for (const room of ['shared', 'worker']) cpSync(built(room), join(folder, room), { recursive: true });
      const modules = resolve('node_modules');
      mkdirSync(join(folder, 'node_modules'));
      for (const name of readdirSync(modules)) {
        if (name !== missing) symlinkSync(join(modules, name), join(folder, 'node_modules', name));
      }
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
      const entry = join(folder, 'worker/inference/child/main.js');
      return await InferenceProcess.start(await readModelFiles(model), {
        entry,
        engine: 'auto',
        log: recordingLog(),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('has no driver: webgpu says so', async () => {
    const failing = runEngine('webgpu', ['greenhouse'], NO_GPU);
    await expect(failing).rejects.toThrow('the engine "webgpu" cannot run here: WebGPU finds no GPU');
    await expect(failing).rejects.toThrow(ENGINES.webgpu.advice);
  });

  it('lies there without the library that its installation failed to fetch', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-engine-'));
    const file = join(folder, 'index.js');
    writeFileSync(
      file,
      "throw new Error('The specified module tfjs_binding.node is missing.\\nMore advice.');",
    );
    const why = `${file} does not load (The specified module tfjs_binding.node is missing.)`;
    await expect(importOptional(file)).rejects.toMatchObject({ message: why });
    rmSync(folder, { recursive: true });
  });
});

it('has a GPU that TensorFlow finds for the engine gpu alone', () => {
  const library = { NODE_OPTIONS: `--import=${join(ENGINE_FIXTURES, 'cuda-library.mjs')}` };
  expect(findEngine('gpu', library)).toMatchObject({ device: 'NVIDIA GPU, CUDA' });
  expect(findEngine('node', library)).toMatchObject({ device: 'CPU, TensorFlow native' });
  expect(findEngine('gpu', { ...library, CUDA_VISIBLE_DEVICES: '-1' })).toMatchObject({
    why: expect.stringContaining('no CUDA GPU') as string,
  });
});

describe('auto', () => {
  const timed = (engine: TfEngineName, one: number, many: number) => ({
    engine,
    times: [
      { rows: 1, ms: one },
      { rows: 64, ms: many },
    ],
  });

  it('takes the engine with the least time for one row and a full micro-batch, and tells the figures', () => {
    const [cpu, gpu, node] = [timed('wasm', 0.1, 9), timed('gpu', 2, 3), timed('node', 1, 4)];
    expect(compareTimes([cpu, gpu, node])).toEqual({
      fastest: gpu,
      slower: [
        {
          engine: 'wasm',
          why: 'it is slower: wasm takes 0.10 ms for a row and 9.00 ms for 64 rows, gpu takes 2.00 ms for a row and 3.00 ms for 64 rows',
        },
        { engine: 'node', why: expect.stringContaining('node takes 1.00 ms') as string },
      ],
    });
    expect(compareTimes([timed('wasm', 0.1, 4), gpu]).fastest.engine).toBe('wasm');
  });

  it('tells the times of node and of wasm', async () => {
    if ('why' in machine.node) return sayNotRun('auto beside node', machine.node.why);
    const { report } = (await runEngine('auto', ['greenhouse'], NO_GPU)).greenhouse;
    const [fast, slow] = report.engine === 'node' ? ['node', 'wasm'] : ['wasm', 'node'];
    const { why } = report.passedOver.find(({ engine }) => engine === slow) ?? {};
    const time = String.raw`takes [\d.]+ ms for a row and [\d.]+ ms for 64 rows`;
    expect(why).toMatch(new RegExp(`^it is slower: ${slow} ${time}, ${fast} ${time}$`));
  });

  it('serves in a process that has loaded no other engine than the one that it took', async () => {
    const log = recordingLog();
    const inference = await InferenceProcess.start(await readModelFiles(join(FIXTURES, 'greenhouse')), {
      entry: join(ENGINE_FIXTURES, 'slower.mjs'),
      engine: 'auto',
      log,
    });
    const { pid, report } = inference;
    const said = () => log.lines.map(({ fields }) => fields['line']);
    await until(() => said().includes(`${pid} loads wasm`));
    await inference.end();
    expect(report.engine).toBe('wasm');
    expect(report.passedOver).toContainEqual({
      engine: 'webgpu',
      why: expect.stringContaining('it is slower') as string,
    });
    const loads = said().filter((line) => / loads /.test(String(line)));
    expect(loads).toEqual([
      expect.stringMatching(/ loads wasm$/),
      expect.stringMatching(/ loads webgpu$/),
      `${pid} loads wasm`,
    ]);
  });

  it('never takes a software GPU', async () => {
    if (!softwareGpu) return sayNotRun('auto beside a software GPU', `${SOFTWARE_DRIVER} is not there`);
    const runs = await runEngine('auto', ['trip-duration-linear'], softwareGpu);
    const { report } = runs['trip-duration-linear'];
    const others = TF_ENGINE_NAMES.filter((engine) => engine !== report.engine);
    expect(report.passedOver.map(({ engine }) => engine).toSorted()).toEqual(others.toSorted());
    const { why } = report.passedOver.find(({ engine }) => engine === 'webgpu') ?? {};
    expect(why).toMatch(/^SwiftShader .* is a software GPU, slower than wasm$/);
  });

  it('leaves an engine out that takes the process down while it loads', async () => {
    const inference = await InferenceProcess.start(await readModelFiles(join(FIXTURES, 'greenhouse')), {
      entry: join(ENGINE_FIXTURES, 'crashing.mjs'),
      engine: 'auto',
      log: recordingLog(),
    });
    const { engine, passedOver } = inference.report;
    await inference.end();
    expect(engine).toBe('wasm');
    expect(passedOver).toEqual([{ engine: 'gpu', why: expect.stringContaining('SIGSEGV') as string }]);
  });
});
