import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWorkers } from '../../shared/workers/registry.js';
import { FIXTURES, ONNX_FIXTURES } from '../support/paths.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();
let modelsDir: string;
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
});
afterEach(() => rmSync(modelsDir, { recursive: true, force: true }));

it('serves packages in ONNX beside others, whatever engine those are to run on, and takes up a new version', async () => {
  cpSync(join(FIXTURES, 'faulty'), join(modelsDir, 'faulty'), { recursive: true });
  for (const name of ['forest', 'boosted']) {
    cpSync(join(ONNX_FIXTURES, name), join(modelsDir, name), { recursive: true });
  }
  truncateSync(join(modelsDir, 'boosted/model.onnx'), 1_000);
  const worker = await rig.start({ modelsDir, models: undefined, engine: 'wasm' });
  expect(await readWorkers(rig.records)).toMatchObject([
    {
      models: [
        { name: 'faulty', engine: 'wasm' },
        { name: 'forest', engine: 'onnx', device: expect.stringMatching(/^CPU, ONNX Runtime \d/) as string },
      ],
      refused: [
        { name: 'boosted', reason: expect.stringMatching(/model\.onnx: - Failed to load/) as string },
      ],
    },
  ]);

  const input = { temperature: 10, humidity: 0.9, season: 'winter', vent_open: false };
  const first = await rig.reaches(await rig.submit({ model: 'forest', input }), 'succeeded');
  expect(JSON.parse(first.resultJson)).toMatchObject({ kind: 2 });

  cpSync(join(ONNX_FIXTURES, 'boosted/model.onnx'), join(modelsDir, 'forest/model.onnx'));
  const manifest = join(modelsDir, 'forest/manifest.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"1.0.0"', '"1.1.0"'));
  await worker.reload();
  const second = await rig.reaches(await rig.submit({ model: 'forest', input }), 'succeeded');
  expect({ version: second.modelVersion, ...(JSON.parse(second.resultJson) as object) }).toMatchObject({
    version: '1.1.0',
    kind: 2,
  });
  expect(second.resultJson).not.toBe(first.resultJson);
});
