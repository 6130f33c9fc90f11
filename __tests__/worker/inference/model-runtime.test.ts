import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { createRowReader } from '../../../shared/model/row-reader.js';
import { loadModelRuntime, type ModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { FIXTURES, MODELS } from '../../support/paths.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-model-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function predict(runtime: ModelRuntime, inputs: readonly object[]) {
  const batch = runtime.layout.allocate(inputs.length);
  inputs.forEach((input, row) => runtime.layout.write(batch, row, { ...input }));
  return runtime.predict(batch);
}

/** A copy of the greenhouse package with another manifest. */
function greenhouseWith(change: (manifest: Record<string, unknown>) => void): string {
  cpSync(join(FIXTURES, 'greenhouse'), folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  change(manifest);
  writeFileSync(file, JSON.stringify(manifest));
  return folder;
}

it('runs a layers model as saved', async () => {
  const runtime = await loadModelRuntime(join(MODELS, 'trip-duration-linear'));
  const { outputs } = await predict(runtime, [runtime.manifest.example, runtime.manifest.example]);
  // The original service answers 12.7855 here and asks for 1e-3 relative.
  expect(outputs).toHaveLength(1);
  expect([...(outputs[0] ?? [])].map((minutes) => minutes / 12.785509620119132)).toEqual([
    expect.closeTo(1, 2),
    expect.closeTo(1, 2),
  ]);
});

it('runs a graph of several types, shapes and outputs by the names of its signature', async () => {
  const runtime = await loadModelRuntime(join(FIXTURES, 'greenhouse'));
  const { outputs } = await predict(runtime, [
    { temperature: 20, humidity: 0.5, season: 'summer', vent_open: true },
    { temperature: 30, humidity: 0.9 },
    { temperature: -10, humidity: 0, season: 'winter', vent_open: false },
  ]);
  const read = createRowReader(runtime.manifest);
  // By hand: [temperature, humidity] times [[.1, -.05], [.5, 2]], plus the season's row, minus 1 when vented.
  expect([0, 1, 2].map((row) => read(outputs, row))).toEqual([
    { ok: true, result: { water: 2.25, mildew_risk: 0.1824 } },
    { ok: true, result: { water: 4, mildew_risk: 0.5744 } },
    { ok: true, result: { water: 1, mildew_risk: 0.7311 } },
  ]);
});

it('runs a graph whose signature calls an input and an output alike', async () => {
  const alike = greenhouseWith((manifest) => {
    manifest['outputs'] = [{ member: 'water', tensor: 'air' }];
  });
  const file = join(alike, 'model.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"water"', '"air"'));
  const runtime = await loadModelRuntime(alike);
  const { outputs } = await predict(runtime, [runtime.manifest.example]);
  expect(outputs).toEqual([Float32Array.of(2.25)]);
});

it.each(['trip-duration-linear', 'greenhouse'])('keeps no tensor of a call to %s', async (name) => {
  const runtime = await loadModelRuntime(join(name === 'greenhouse' ? FIXTURES : MODELS, name));
  const { example } = runtime.manifest;
  const first = await predict(runtime, [example]);
  const sizes = [1, 64, 4096, 2];
  for (const rows of sizes) {
    const { numTensors } = await predict(
      runtime,
      Array.from({ length: rows }, () => example),
    );
    expect(numTensors).toBe(first.numTensors);
  }
  runtime.dispose();
  expect(memory().numTensors).toBeLessThan(first.numTensors);
});

it('keeps no tensor of a call that fails', async () => {
  const runtime = await loadModelRuntime(join(FIXTURES, 'greenhouse'));
  const before = memory().numTensors;
  const batch = runtime.layout.allocate(2);
  await expect(runtime.predict({ ...batch, rows: 3 })).rejects.toThrow(/shape/);
  expect(memory().numTensors).toBe(before);
});

it('names every member of a manifest that its network does not bear out', async () => {
  const wrong = greenhouseWith((manifest) => {
    manifest['columns'] = [
      { member: 'temperature', encoding: 'number', tensor: 'air' },
      { member: 'humidity', encoding: 'number', tensor: 'soil' },
    ];
    manifest['outputs'] = [{ member: 'water', unit: 'litres', tensor: 'rain' }];
  });
  const loading = loadModelRuntime(wrong);
  await expect(loading).rejects.toThrow(/1 numbers a row into the tensor "air" of shape \[-1,2\]/);
  await expect(loading).rejects.toThrow(/name the input tensor "soil"; the network has air, season, vent/);
  await expect(loading).rejects.toThrow(/put nothing into the input tensor "vent"/);
  await expect(loading).rejects.toThrow(/#\/outputs\/0\/tensor "rain" is none of the network's/);
});

it('refuses an output column that its tensor does not have, at the first call', async () => {
  const runtime = await loadModelRuntime(
    greenhouseWith((manifest) => {
      manifest['outputs'] = [{ member: 'water', unit: 'litres', tensor: 'risks', column: 2 }];
    }),
  );
  await expect(predict(runtime, [runtime.manifest.example])).rejects.toThrow(
    /"risks" holds 2 numbers for 1 rows/,
  );
});

it('says which file of a package is missing or broken', async () => {
  const broken = greenhouseWith(() => undefined);
  rmSync(join(broken, 'weights.bin'));
  await expect(loadModelRuntime(broken)).rejects.toThrow(
    /weights\.bin[^]*a weight file that model\.json names/,
  );
  writeFileSync(join(broken, 'model.json'), '{"modelTopology":');
  await expect(loadModelRuntime(broken)).rejects.toThrow(/model\.json/);
  writeFileSync(join(broken, 'model.json'), '{}');
  await expect(loadModelRuntime(broken)).rejects.toThrow(/#\/modelTopology is missing/);
});
