import type { BatchStatus } from '../../shared/client/batch.js';
import type { JobStatus } from '../../shared/client/job.js';
import { h } from './dom.js';

/** A state, in its colour and in a word. */
export const badge = (status: JobStatus | BatchStatus): HTMLSpanElement =>
  h('span', { class: `badge state-${status}` }, status);
