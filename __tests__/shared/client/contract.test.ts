import { readCatalog } from '../../../shared/model/catalog.js';
import { isJob, type Job } from '../../../shared/client/job.js';
import { isModelDescription } from '../../../shared/client/model.js';
import { type JobBody, presentJob } from '../../../api/jobs/job-body.js';
import { presentModel } from '../../../api/models/model-body.js';
import { root } from '../../../scripts/setup/project.mjs';

// That this compiles is the test: what the API's schema describes is what the client says it reads.
const asJob = (body: JobBody): Job => body;

describe("the client's types", () => {
  it('take a job as the API presents it', () => {
    const job = {
      id: '019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f',
      model: 'm',
      queue: 'm',
      owner: '',
      input: { x: 1 },
      timeoutMs: 1,
      maxAttempts: 1,
      attempts: 0,
      createdMs: 0,
      state: 'queued' as const,
    };
    expect(isJob(asJob(presentJob({ job, place: { position: 1, etaMs: undefined } })))).toBe(true);
  });

  it('take a model as the API presents it', () => {
    for (const { manifest } of readCatalog(`${root}/model`).packages.values()) {
      const body = presentModel(manifest, { isDefault: true, workers: [] });
      expect(isModelDescription(body)).toBe(true);
    }
  });
});
