import type { BatchBody } from '../../shared/contract/batch.js';

/** A batch as the API shows it. */
export const batchView = (changes: Partial<BatchBody> = {}): BatchBody => ({
  id: '019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f',
  status: 'running',
  model: 'm',
  rows: { total: 2, succeeded: 0, failed: 0, invalid: 0 },
  progress: 0,
  created_at: '2026-01-01T00:00:00.000Z',
  links: { self: '/batches/b', results: '/batches/b/results', cancel: '/batches/b' },
  ...changes,
});
