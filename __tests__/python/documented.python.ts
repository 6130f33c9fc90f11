import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { WaggleClient } from '../../shared/client/client.js';
import { type Manifest } from '../../shared/model/manifest.js';
import { readManifest } from '../../shared/model/read-manifest.js';
import { MODELS } from '../support/paths.js';
import { waggle } from '../support/run-program.js';
import { type Service, startService } from '../support/service.js';
import { openVenv, runPython } from './venv.js';

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
/** What pip is given for each environment. The page says which of these its reader has to install, and why. */
const ENVIRONMENTS = {
  onnx: [
    [
      'scikit-learn==1.9.1',
      'skl2onnx==1.20.0',
      'onnxmltools==1.16.0',
      'xgboost-cpu==3.2.0',
      'packaging',
      'protobuf<7',
      'tritonclient[http]==2.73.0',
    ],
  ],
} as const;
const NAMES = ['pipeline', 'histogram', 'regressor', 'boosted'];

const folder = mkdtempSync(join(tmpdir(), 'waggle-python-'));
const models = join(folder, 'models');
let python: string | undefined;
let service: Service | undefined;

beforeAll(async () => {
  ({ python } = (await openVenv('onnx', ENVIRONMENTS.onnx)) as { python?: string });
  if (python === undefined) return;
  mkdirSync(models);
  await runPython(python, ['onnx_models.py', models], folder, JSON.stringify(BLOCKS));
  symlinkSync(join(MODELS, 'trip-duration-linear'), join(models, 'trip-duration-linear'));
  for (const name of NAMES) {
    for (const step of ['init', 'check']) {
      const { code, stdout, stderr } = await waggle(['model', step, join(models, name)], {
        MODELS_DIR: models,
      });
      if (code !== 0) throw new Error(`waggle model ${step} ${name} ended with ${code}: ${stdout}${stderr}`);
    }
  }
  service = await startService({ MODELS_DIR: models, TF_ENGINE: 'wasm' });
}, 600_000);

afterAll(async () => {
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** An input of a package, made of a row of each tensor. */
function inputOf({ columns }: Manifest, row: Record<string, unknown>): Record<string, unknown> {
  const next: Record<string, number> = {};
  return Object.fromEntries(
    columns.map(({ member, tensor, shape, encoding }) => {
      const value = row[tensor];
      if (encoding === 'base64') {
        return [member, Buffer.from([value].flat(9) as number[]).toString('base64')];
      }
      if (shape) return [member, value];
      const at = next[tensor] ?? 0;
      next[tensor] = at + 1;
      return [member, [value].flat()[at]];
    }),
  );
}

it.each(NAMES)('serves a %s that answers as its library does', async (name) => {
  if (!service) return;
  const manifest = readManifest(join(models, name));
  const { inputs, outputs } = JSON.parse(readFileSync(join(models, `${name}.json`), 'utf8')) as {
    inputs: Rows;
    outputs: Rows;
  };
  const at = (rows: Rows, i: number) =>
    Object.fromEntries(Object.entries(rows).map(([tensor, all]) => [tensor, all[i]]));
  const count = Object.values(outputs)[0]?.length ?? 0;
  expect(count).toBeGreaterThan(2);
  const { batches } = new WaggleClient({ url: service.url });
  const rows = Array.from({ length: count }, (_, i) => inputOf(manifest, at(inputs, i)));
  const batch = await batches.submit(rows, { model: name });
  let read = 0;
  for await (const result of batches.results(batch.id)) {
    const wanted = at(outputs, read);
    for (const { member, tensor } of manifest.outputs) {
      const found = [result[member]].flat(9);
      expect(found).toEqual([wanted[tensor]].flat(9).map((value) => expect.closeTo(value as number, 4)));
    }
    read += 1;
  }
  expect(read).toBe(count);
});

it("answers Triton's own client, in JSON and in binary", async () => {
  if (!service || python === undefined) return;
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
