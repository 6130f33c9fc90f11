import type { ModelBody } from '../../shared/contract/model.js';
import type { StatsBody, WorkerBody } from '../../shared/contract/stats.js';
import { byId, h, setChildren, setText } from './dom.js';
import { formatCount, formatRate, formatSeconds } from './format.js';

type Served = WorkerBody['models'][number];

/** The table of workers: a line for each model that one serves. */
export class WorkersTable {
  readonly #body = byId('workers', HTMLTableSectionElement);
  readonly #empty = byId('workers-empty', HTMLElement);
  #rows = new Map<string, HTMLTableRowElement>();
  /** Why engines were passed over, by worker and model. */
  #passedOver = new Map<string, string>();

  setModels(models: readonly ModelBody[]): void {
    this.#passedOver = new Map(
      models.flatMap(({ name, workers = [] }) =>
        workers.flatMap(({ id, passed_over: engines }): [string, string][] =>
          engines.length === 0
            ? []
            : [[`${id} ${name}`, engines.map(({ engine, why }) => `${engine}: ${why}`).join('\n')]],
        ),
      ),
    );
  }

  show({ workers }: StatsBody, model: string | undefined): void {
    const seen = new Map<string, HTMLTableRowElement>();
    for (const worker of workers) {
      const refused = worker.refused.map(({ name, reason }) => ({ ...REFUSED, name, device: reason }));
      for (const served of [...worker.models, ...refused]) {
        if (model !== undefined && served.name !== model) continue;
        const key = `${worker.id} ${served.name}`;
        seen.set(key, this.#row(key, worker, served));
      }
    }
    this.#rows = seen;
    setChildren(this.#body, [...seen.values()]);
    this.#empty.hidden = seen.size > 0;
  }

  #row(key: string, worker: WorkerBody, served: Served): HTMLTableRowElement {
    const texts = [
      `${worker.host} · ${worker.pid}`,
      served.name,
      served.version,
      served.device === '' ? served.engine : `${served.engine} · ${served.device}`,
      formatCount(served.jobs),
      `${formatCount(served.last_batch_size)}, ${formatRate(served.mean_batch_size)}`,
      `${formatSeconds(worker.seen_ms_ago)} ago`,
    ];
    const row = this.#rows.get(key) ?? h('tr', {}, ...texts.map((_, i) => h('td', { class: CLASSES[i] })));
    texts.forEach((text, i) => {
      const cell = row.cells[i];
      if (cell && i !== ENGINE) setText(cell, text);
    });
    this.#showEngine(row.cells[ENGINE], texts[ENGINE] ?? '', this.#passedOver.get(key));
    return row;
  }

  #showEngine(cell: HTMLTableCellElement | undefined, engine: string, why: string | undefined): void {
    if (!cell || cell.dataset['shown'] === `${engine}\n${why}`) return;
    cell.dataset['shown'] = `${engine}\n${why}`;
    const more =
      why && h('details', {}, h('summary', {}, 'why not another'), h('p', { class: 'lines' }, why));
    cell.replaceChildren(engine, ...(more ? [more] : []));
  }
}

/** Renders a package that a worker cannot serve. */
const REFUSED: Omit<Served, 'name' | 'device'> = {
  version: '–',
  engine: 'refused',
  jobs: 0,
  batches: 0,
  last_batch_size: 0,
  mean_batch_size: 0,
};
const ENGINE = 3;
const CLASSES = ['mono', undefined, 'mono', undefined, 'number', 'number', 'number'];
