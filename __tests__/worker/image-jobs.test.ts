import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { newRecordId } from '../../api/jobs/record-id.js';
import { resultLines } from '../../api/batches/results/result-lines.js';
import { ndjsonResults } from '../../api/batches/results/result-formats.js';
import { BatchStore } from '../../shared/batches/batch-store.js';
import { encodeChunk } from '../../shared/batches/chunk-codec.js';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import { createColumnLayout } from '../../shared/model/columns.js';
import { placeOutputs } from '../../shared/model/outputs.js';
import { readManifest } from '../../shared/model/read-manifest.js';
import { until } from '../support/latch.js';
import { halves, plain, withSharp, writePhoto } from '../support/photos.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();
let modelsDir: string;
beforeAll(async () => {
  modelsDir = mkdtempSync(`${tmpdir()}/waggle-photos-`);
  await writePhoto(modelsDir, { shape: [1, 1, 3] });
});
afterAll(() => rmSync(modelsDir, { recursive: true, force: true }));

withSharp('an image that cannot be decoded', () => {
  const photos = async (): Promise<string[]> => {
    const torn = (await (await halves(512, 512)).jpeg().toBuffer()).subarray(0, 2_000);
    const red = await plain(9, 9, '#f00').png().toBuffer();
    return [red, torn, red].map((bytes) => bytes.toString('base64'));
  };
  const why = /^the image "photo" cannot be decoded: VipsJpeg: premature end/;

  it('fails its job at the first attempt, and no other of the micro-batch', async () => {
    const ids = [];
    for (const photo of await photos()) ids.push(await rig.submit({ model: 'photo', input: { photo } }));
    await rig.start({ modelsDir, models: ['photo'] });
    expect(await rig.allEnd(ids)).toMatchObject([
      { state: 'succeeded', resultJson: '{"pixels":[255,0,0]}', timings: { batchSize: 3 } },
      {
        state: 'failed',
        attempts: 1,
        failure: { code: 'invalid_input', message: expect.stringMatching(why) as string },
      },
      { state: 'succeeded', resultJson: '{"pixels":[255,0,0]}', timings: { batchSize: 3 } },
    ]);
  });

  it('is an error of its row in a batch', async () => {
    const manifest = readManifest(`${modelsDir}/photo`);
    const layout = createColumnLayout(manifest);
    const columns = layout.allocate(3);
    (await photos()).forEach((photo, row) => layout.write(columns, row, { photo }));
    const batches = new BatchStore(rig.records);
    const id = newRecordId(rig.records);
    const limits = { timeoutMs: 20_000, maxAttempts: 1, resultTtlMs: 60_000, queueTtlMs: 60_000 };
    const queue = chunkQueueOf('photo');
    await batches.create({ id, model: 'photo', queue, owner: '', chunkRows: 3, strict: false, ...limits }, 9);
    const packed = encodeChunk(layout, { columns, holes: new Uint32Array(0) });
    await batches.add(id, { number: 0, rows: 3, columns: packed, invalid: {} });
    await batches.complete(id, '');
    await rig.start({ modelsDir, models: ['photo'] });
    const batch = await until(async () => {
      const found = await batches.find(id);
      return found?.state === 'succeeded' && found;
    });
    expect(batch.rows).toEqual({ total: 3, succeeded: 2, failed: 1, invalid: 0 });
    const outputs = placeOutputs(manifest);
    const source = {
      batches,
      batch,
      outputs,
      format: ndjsonResults(outputs),
      waitFor: () => Promise.resolve(undefined),
    };
    const pieces = [];
    for await (const piece of resultLines(source, 0)) pieces.push(String(piece));
    const rows = pieces
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const error = { code: 'invalid_input', message: expect.stringMatching(why) as string };
    expect(rows).toEqual([
      { row: 0, pixels: [255, 0, 0] },
      { row: 1, error },
      { row: 2, pixels: [255, 0, 0] },
    ]);
  });
});
