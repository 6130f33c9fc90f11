import { readCatalog } from '../../../shared/model/catalog.js';
import { isBatch, isJob, isModel } from '../../../shared/client/bodies.js';
import { presentBatch } from '../../../api/batches/present-batch.js';
import { jobJson } from '../../../api/jobs/present-job.js';
import { presentModel } from '../../../api/models/present-model.js';
import { root } from '../../../scripts/setup/project.mjs';

const base = {
  id: '019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f',
  state: 'queued' as const,
  model: 'm',
  queue: 'm',
  owner: '',
  createdMs: 0,
};

describe('the client', () => {
  it('takes a job as the API presents it', () => {
    const limits = { priority: 'normal' as const, timeoutMs: 1, maxAttempts: 1, resultTtlMs: 1 };
    const job = { ...base, ...limits, inputJson: '{"x":1}', attempts: 0, waitingBefore: 0 };
    expect(
      isJob(JSON.parse(jobJson({ job, place: { position: 1, etaMs: undefined, isEstimate: false } }))),
    ).toBe(true);
  });

  it('takes a batch as the API presents it', () => {
    const rows = { total: 4, succeeded: 1, failed: 1, invalid: 0 };
    const batch = { ...base, chunkRows: 1_024, chunks: 1, rows };
    expect(isBatch(presentBatch({ batch, etaMs: 5 }))).toBe(true);
  });

  it('takes a model as the API presents it', () => {
    for (const { manifest } of readCatalog(`${root}/model`).packages.values()) {
      expect(isModel(presentModel(manifest, { isDefault: true, workers: [] }))).toBe(true);
    }
  });
});
