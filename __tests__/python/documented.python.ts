import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { firstLine } from '../../scripts/setup/setup-error.mjs';
import { openVenv } from '../../scripts/setup/venv.mjs';
import { WaggleClient } from '../../shared/client/client.js';
import { type Manifest } from '../../shared/model/manifest.js';
import { readManifest } from '../../shared/model/read-manifest.js';
import { MODELS } from '../support/paths.js';
import { waggle } from '../support/run-program.js';
import { type Service, startService } from '../support/service.js';
import { runPython } from './run-python.js';

/** Rows of each tensor, as the library that made the model took and gave them. */
type Rows = Record<string, unknown[]>;

const PAGE = readFileSync(resolve(__dirname, '../../docs/models.md'), 'utf8');
/** The page's code of Python, by the converter that it calls. */
const BLOCKS = Object.fromEntries(
  [...PAGE.matchAll(/```python\n(.*?)```/gs)].map(([, code = '']) => [
    ['skl2onnx', 'onnxmltools', 'torch'].find((name) => code.includes(name)) ?? code,
    code,
  ]),
);
/** The page's commands of TensorFlow's converter, by the format that they take. */
const COMMANDS = Object.fromEntries(
  [...PAGE.matchAll(/^tensorflowjs_converter --input_format=(\w+)(?:.*\\\n)*.*$/gm)].map(
    ([command, format = '']) => [format, command],
  ),
);

/** Environments of Python: what pip is given, the program that makes models there, its standard input, and the models. */
const ENVIRONMENTS = {
  onnx: {
    lists: [
      [
        'scikit-learn==1.9.1',
        'skl2onnx==1.20.0',
        'onnxmltools==1.16.0',
        'xgboost-cpu==3.2.0',
        'packaging==26.4',
        'protobuf<7',
        'tritonclient[http]==2.73.0',
      ],
    ],
    program: 'onnx_models.py',
    input: BLOCKS,
    models: ['pipeline', 'histogram', 'regressor', 'boosted'],
  },
  // With TensorFlow for the CPU alone, which is a third of the bytes.
  tensorflow: {
    lists: [...PAGE.matchAll(/^pip install (.*)$/gm)].map(([, list = '']) =>
      list.replace('tensorflow==', 'tensorflow-cpu==').split(' '),
    ),
    program: 'tensorflow_models.py',
    input: COMMANDS,
    models: ['keras3', 'embedding', 'convolution', 'area', 'keras2', 'quantized'],
  },
};

const folder = mkdtempSync(join(tmpdir(), 'waggle-python-'));
const models = join(folder, 'models');
const pythons = new Map<string, string>();
let service: Service;

beforeAll(async () => {
  process.stderr.write(
    '\n*** NOT TESTED: the export of PyTorch, whose package of PyPI brings 3 GB of CUDA ***\n\n',
  );
  mkdirSync(models);
  symlinkSync(join(MODELS, 'trip-duration-linear'), join(models, 'trip-duration-linear'));
  for (const [name, { lists, program, input, models: made }] of Object.entries(ENVIRONMENTS)) {
    const python = await openVenv(name, lists).catch((error: unknown) => {
      process.stderr.write(
        `\n*** NOT TESTED: there is no environment of Python "${name}" here: ${firstLine(error)} ***\n\n`,
      );
    });
    if (python === undefined) continue;
    pythons.set(name, python);
    await runPython(python, [program, models], folder, JSON.stringify(input));
    for (const model of made) {
      for (const step of ['init', 'check']) {
        const args = ['model', step, join(models, model)];
        const { code, stderr } = await waggle(args, { MODELS_DIR: models });
        if (code !== 0) throw new Error(`waggle ${args.join(' ')} ended with ${code}: ${stderr}`);
      }
    }
  }
  service = await startService({ MODELS_DIR: models, TF_ENGINE: 'wasm' });
}, 1_800_000);

afterAll(async () => {
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A row of each tensor. Converters name a tensor as they like where there is one alone. */
const rowOf =
  (rows: Rows, i: number) =>
  (tensor: string): unknown[] => {
    const of = Object.values(rows);
    return [of.length === 1 ? of[0]?.[i] : rows[tensor]?.[i]].flat(9);
  };

/** An input of a package, made of a row of each tensor. */
function inputOf({ columns }: Manifest, row: ReturnType<typeof rowOf>): Record<string, unknown> {
  const next: Record<string, number> = {};
  return Object.fromEntries(
    columns.map(({ member, tensor, encoding }) => {
      const values = row(tensor);
      if (encoding === 'array') return [member, values];
      const at = next[tensor] ?? 0;
      next[tensor] = at + 1;
      return [member, values[at]];
    }),
  );
}

const CASES = Object.entries(ENVIRONMENTS).flatMap(([environment, { models: made }]) =>
  made.map((name) => ({ environment, name })),
);

it.each(CASES)(
  '$environment: serves $name, which answers as its library does',
  async ({ environment, name }) => {
    if (!pythons.has(environment)) return;
    const manifest = readManifest(join(models, name));
    const { inputs, outputs } = JSON.parse(readFileSync(join(models, `${name}.json`), 'utf8')) as {
      inputs: Rows;
      outputs: Rows;
    };
    const count = Object.values(outputs)[0]?.length ?? 0;
    expect(count).toBeGreaterThan(2);
    const { batches } = new WaggleClient({ url: service.url });
    const rows = Array.from({ length: count }, (_, i) => inputOf(manifest, rowOf(inputs, i)));
    const batch = await batches.submit(rows, { model: name });
    let read = 0;
    for await (const result of batches.results(batch.id)) {
      const wanted = rowOf(outputs, read);
      for (const { member, tensor } of manifest.outputs) {
        const found = [result[member]].flat(9);
        expect(found).toEqual(wanted(tensor).map((value) => expect.closeTo(value as number, 4)));
      }
      read += 1;
    }
    expect(read).toBe(count);
  },
);

it("answers Triton's own client, in JSON and in binary", async () => {
  const python = pythons.get('onnx');
  if (python === undefined) return;
  const host = new URL(service.url).host;
  const found = JSON.parse(await runPython(python, ['triton.py', host], folder)) as Record<
    string,
    unknown
  > & {
    answers: Record<string, number[]>;
  };
  expect(found).toMatchObject({
    live: true,
    ready: true,
    outputs: [{ name: 'duration', datatype: 'FP32', shape: [-1] }],
    refusal: ['400', expect.stringContaining('nope')],
  });
  const [duration] = found.answers['1 json'] ?? [];
  expect(duration).toBeGreaterThan(0);
  for (const rows of [1, 3, 2000]) {
    for (const form of ['json', 'binary']) {
      expect(found.answers[`${rows} ${form}`]).toEqual(Array.from({ length: rows }, () => duration));
    }
  }
});
