import { type Batch, isBatchEnded } from '../../shared/client/batch.js';
import type { StatsBody } from '../stats/stats-body.js';
import { type DashboardApi, explain } from './api.js';
import { badge } from './badge.js';
import { button, byId, h, setChildren, setText } from './dom.js';
import { formatAgo, formatCount, formatMs, shortId } from './format.js';

/** Looked at so often while one runs, and otherwise, in ms. */
const BUSY_MS = 1_000;
const QUIET_MS = 10_000;
/** So many of those that have ended stay in sight. */
const ENDED_SHOWN = 3;
const LISTED = 50;

/** The batches that run, with bars, and the last ones that ended. */
export class Batches {
  readonly #api: DashboardApi;
  readonly #list = byId('batches', HTMLUListElement);
  readonly #empty = byId('batches-empty', HTMLElement);
  readonly #error = byId('batches-error', HTMLElement);
  readonly #cards = new Map<string, BatchCard>();
  #readMs = Number.NEGATIVE_INFINITY;
  #isReading = false;
  #isBusy = false;
  #seen = '';

  constructor(api: DashboardApi) {
    this.#api = api;
  }

  /** Reads the batches again when it is time to, or when the figures say that something has happened. */
  update(stats: StatsBody, model: string | undefined): void {
    const seen = `${stats.chunks_waiting} ${stats.last_day.rows} ${model}`;
    const dueMs = this.#isBusy || seen !== this.#seen ? BUSY_MS : QUIET_MS;
    if (this.#isReading || performance.now() - this.#readMs < dueMs - 50) return;
    this.#seen = seen;
    void this.#read(model, Date.parse(stats.at));
  }

  async #read(model: string | undefined, nowMs: number): Promise<void> {
    this.#isReading = true;
    this.#readMs = performance.now();
    try {
      const { batches } = await this.#api.client.batches.list({ limit: LISTED });
      this.#show(
        batches.filter((batch) => model === undefined || batch.model === model),
        nowMs,
      );
      this.#error.hidden = true;
    } catch (error) {
      setText(this.#error, explain(error));
      this.#error.hidden = false;
    } finally {
      this.#isReading = false;
    }
  }

  #show(batches: readonly Batch[], nowMs: number): void {
    const open = batches.filter((batch) => !isBatchEnded(batch));
    const shown = [...open, ...batches.filter(isBatchEnded).slice(0, ENDED_SHOWN)];
    this.#isBusy = open.length > 0;
    const cards = shown.map((batch) => {
      const card = this.#cards.get(batch.id) ?? new BatchCard(batch.id, () => void this.#cancel(batch.id));
      card.show(batch, nowMs, this.#api.key.value === undefined);
      return [batch.id, card] as const;
    });
    this.#cards.clear();
    for (const [id, card] of cards) this.#cards.set(id, card);
    setChildren(
      this.#list,
      cards.map(([, { element }]) => element),
    );
    this.#empty.hidden = cards.length > 0;
  }

  async #cancel(id: string): Promise<void> {
    try {
      await this.#api.client.batches.cancel(id);
      this.#seen = '';
    } catch (error) {
      this.#cards.get(id)?.fail(explain(error));
    }
  }
}

class BatchCard {
  readonly element: HTMLLIElement;
  readonly #state = h('span');
  readonly #rows = h('span', { class: 'number' });
  readonly #note = h('span', { class: 'muted' });
  readonly #bar: HTMLProgressElement;
  readonly #cancel: HTMLButtonElement;
  readonly #results: HTMLAnchorElement;
  readonly #error = h('p', { class: 'error', role: 'alert', hidden: true });

  constructor(id: string, onCancel: () => void) {
    this.#bar = h('progress', { max: 1, 'aria-label': `Progress of batch ${shortId(id)}` });
    this.#cancel = button(
      'Cancel',
      { class: 'small', 'aria-label': `Cancel batch ${shortId(id)}` },
      onCancel,
    );
    this.#results = h('a', { href: `/batches/${id}/results`, download: `${id}.ndjson` }, 'Results');
    this.element = h(
      'li',
      { class: 'batch', 'data-id': id },
      h(
        'div',
        { class: 'spread' },
        this.#state,
        h('span', { class: 'mono', title: id }, shortId(id)),
        this.#note,
      ),
      this.#bar,
      h('div', { class: 'spread' }, this.#rows, this.#results, this.#cancel),
      this.#error,
    );
  }

  show(batch: Batch, nowMs: number, linksResults: boolean): void {
    const { status, rows, progress, eta_ms: etaMs } = batch;
    if (this.element.dataset['status'] !== status) {
      this.element.dataset['status'] = status;
      this.#state.replaceChildren(badge(status));
    }
    this.#bar.value = status === 'succeeded' ? 1 : progress;
    const bad = rows.failed + rows.invalid;
    const done = rows.succeeded + bad;
    setText(
      this.#rows,
      `${formatCount(done)} of ${formatCount(rows.total)} rows${bad > 0 ? `, ${formatCount(bad)} without a result` : ''}`,
    );
    const isOver = isBatchEnded(batch);
    const left = etaMs === undefined ? '' : ` · ${formatMs(etaMs)} left`;
    const when = batch.finished_at ?? batch.created_at;
    setText(this.#note, `${batch.model} · ${formatAgo(when, nowMs)}${isOver ? '' : left}`);
    this.#cancel.hidden = isOver;
    this.#results.hidden = !isOver || !linksResults;
  }

  fail(why: string): void {
    this.#error.hidden = false;
    setText(this.#error, why);
  }
}
