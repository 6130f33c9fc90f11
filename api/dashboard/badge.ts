import type { BatchBody } from '../../shared/contract/batch.js';
import type { BatchState, JobState } from '../../shared/contract/states.js';
import { h } from './dom.js';
import { formatCount } from './format.js';

/** A state, in its colour and in a word. */
export const badge = (status: JobState | BatchState): HTMLSpanElement =>
  h('span', { class: `badge state-${status}` }, status);

/** The state of a batch. Rows without a result are a warning, however well the batch itself ended. */
export const batchBadge = ({ status, rows }: BatchBody): HTMLSpanElement => {
  const bad = rows.failed + rows.invalid;
  if (status !== 'succeeded' || bad === 0) return badge(status);
  return h('span', { class: 'badge state-partial' }, `${status}, ${formatCount(bad)} failed`);
};
