import type { JobBody } from '../../../shared/contract/job.js';
import { badge } from '../badge.js';
import { h, setText } from '../dom.js';
import { formatAgo, formatMoment, formatMs, formatPlace, formatValue, shortId } from '../format.js';

/** A line of the table of jobs. */
export class JobRow {
  readonly element: HTMLTableRowElement;
  readonly #state = h('td');
  readonly #outcome = h('td', { class: 'outcome' });
  readonly #time = h('time');
  readonly #total = h('td', { class: 'number' });
  #job: JobBody;

  constructor(job: JobBody) {
    this.#job = job;
    const link = h('a', { href: `#job/${job.id}`, class: 'mono', title: job.id }, shortId(job.id));
    this.#time.dateTime = job.created_at;
    this.#time.title = formatMoment(job.created_at);
    this.element = h(
      'tr',
      { 'data-id': job.id },
      this.#state,
      h('td', {}, link),
      h('td', { class: 'wide' }, job.model),
      h('td', { class: 'wide clip', title: job.request_id }, job.request_id ?? '–'),
      this.#outcome,
      this.#total,
      h('td', { class: 'number' }, this.#time),
    );
  }

  show(job: JobBody, nowMs: number): void {
    if (this.element.dataset['status'] !== job.status) {
      this.element.dataset['status'] = job.status;
      this.#state.replaceChildren(badge(job.status));
    }
    setText(this.#outcome, outcomeOf(job));
    setText(this.#total, job.timings?.total_ms === undefined ? '–' : formatMs(job.timings.total_ms));
    this.#job = job;
    this.tick(nowMs);
  }

  /** Time goes by. */
  tick(nowMs: number): void {
    setText(this.#time, formatAgo(this.#job.created_at, nowMs));
  }
}

/** The outcome of a job, or its progress, in a few words. */
function outcomeOf({ status, result, error, queue }: JobBody): string {
  if (result) {
    return Object.entries(result)
      .map(([name, value]) => `${name} ${formatValue(value)}`)
      .join(', ');
  }
  if (error) return error.code;
  if (status === 'queued' && queue) return formatPlace(queue);
  return '–';
}
