import { type BatchBody, presentBatch } from '../../../api/batches/batch-body.js';
import { type Batch, isBatch } from '../../../shared/client/batch.js';

// That this compiles is half of the test: what the API's schema describes is what the client says it reads.
const asBatch = (body: BatchBody): Batch => body;

it('a batch as the API presents it is one to the client', () => {
  const batch = {
    id: '019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f',
    state: 'queued' as const,
    model: 'm',
    queue: 'm.chunks',
    owner: '',
    chunkRows: 1_024,
    chunks: 1,
    rows: { total: 4, succeeded: 1, failed: 1, invalid: 0 },
    createdMs: 0,
  };
  expect(isBatch(asBatch(presentBatch({ batch, etaMs: 5 })))).toBe(true);
});
