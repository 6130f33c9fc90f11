import type { JobBody } from '../../shared/contract/job.js';

/** A job as the API shows it. */
export const jobView = (changes: Partial<JobBody> = {}): JobBody => ({
  id: '019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f',
  status: 'queued',
  model: 'm',
  input: { x: 1 },
  attempts: 0,
  created_at: '2026-01-01T00:00:00.000Z',
  links: {
    self: '/jobs/019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f',
    events: '/jobs/019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f/events',
  },
  ...changes,
});
