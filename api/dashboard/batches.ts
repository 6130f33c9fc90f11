import { isBatchEnded } from '../../shared/client/bodies.js';
import type { BatchBody } from '../../shared/contract/batch.js';
import type { StatsBody } from '../../shared/contract/stats.js';
import { type DashboardApi, explain } from './api.js';
import { batchBadge } from './badge.js';
import { button, byId, h, say, setChildren, setText } from './dom.js';
import { formatAgo, formatCount, formatMegabytes, formatMs, shortId } from './format.js';
import { saveAs } from './save-as.js';

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
  #cards = new Map<string, BatchCard>();
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
      say(this.#error, '');
    } catch (error) {
      say(this.#error, explain(error));
    } finally {
      this.#isReading = false;
    }
  }

  #show(batches: readonly BatchBody[], nowMs: number): void {
    const open = batches.filter((batch) => !isBatchEnded(batch));
    const shown = [...open, ...batches.filter(isBatchEnded).slice(0, ENDED_SHOWN)];
    this.#isBusy = open.length > 0;
    const cards = shown.map((batch) => {
      const card = this.#cards.get(batch.id) ?? this.#card(batch.id);
      card.show(batch, nowMs);
      return [batch.id, card] as const;
    });
    this.#cards = new Map(cards);
    setChildren(
      this.#list,
      cards.map(([, { element }]) => element),
    );
    this.#empty.hidden = cards.length > 0;
  }

  #card(id: string): BatchCard {
    return new BatchCard(id, {
      cancel: async () => {
        await this.#api.client.batches.cancel(id);
        this.#seen = '';
      },
      // A link sends no key: with one, the page fetches the results itself.
      save: async (path, name, onBytes) => {
        const headers = { accept: 'application/x-ndjson' };
        await saveAs(name, await this.#api.stream({ path, headers }), onBytes);
      },
      isLinked: () => this.#api.key.value === undefined,
    });
  }
}

/** The actions of a card. The card shows their rejections. */
interface BatchActions {
  cancel: () => Promise<void>;
  /** Saves the answer to `GET path` as a file; `onBytes` is told how much of it has come, in bytes. */
  save: (path: string, name: string, onBytes: (bytes: number) => void) => Promise<void>;
  /** Whether a plain link to the results works. */
  isLinked: () => boolean;
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
  #isSaving = false;

  constructor(id: string, { cancel, save, isLinked }: BatchActions) {
    this.#bar = h('progress', { max: 1, 'aria-label': `Progress of batch ${shortId(id)}` });
    this.#cancel = button(
      'Cancel',
      { class: 'small', 'aria-label': `Cancel batch ${shortId(id)}` },
      () => void this.#act(cancel),
    );
    const [path, name] = [`/batches/${id}/results`, `${id}.ndjson`];
    this.#results = h('a', { href: path, download: name }, 'Results');
    this.#results.addEventListener('click', (event) => {
      if (isLinked()) return;
      event.preventDefault();
      if (this.#isSaving) return;
      this.#isSaving = true;
      const tell = (bytes: number): void => setText(this.#results, `Saving, ${formatMegabytes(bytes)}`);
      tell(0);
      void this.#act(() => save(path, name, tell)).finally(() => {
        this.#isSaving = false;
        setText(this.#results, 'Results');
      });
    });
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

  show(batch: BatchBody, nowMs: number): void {
    const { status, rows, progress, eta_ms: etaMs } = batch;
    if (this.element.dataset['status'] !== status) {
      this.element.dataset['status'] = status;
      this.#state.replaceChildren(batchBadge(batch));
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
    this.#cancel.hidden = batch.links.cancel === undefined;
    this.#results.hidden = !isOver;
  }

  async #act(action: () => Promise<void>): Promise<void> {
    say(this.#error, '');
    try {
      await action();
    } catch (error) {
      say(this.#error, explain(error));
    }
  }
}
