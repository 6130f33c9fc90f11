import type { Point, StatsBody } from '../../../shared/contract/stats.js';
import type { DashboardApi, StatsQuery } from '../api.js';
import { formatCount, formatMs, formatRate } from '../format.js';
import { COUNTS, DURATIONS, RATES } from './axis.js';
import { Chart, type ChartOptions, type Line } from './chart.js';
import { Depths } from './depths.js';
import { History, type Stretch } from './history.js';

/** A history that the stream does not bring is read again so often, in ms. */
const RELOAD_MS = 10_000;

/** A line of a chart of the past, and its value in one stretch: null leaves a hole. */
interface PastLine extends Line {
  value: (stretch: Stretch) => number | null;
}

interface PastChart extends ChartOptions {
  lines: readonly PastLine[];
}

/** A rate: 0 where nothing happened. */
const perSecond =
  (count: (point: Point) => number): PastLine['value'] =>
  ({ point, seconds }) =>
    point ? count(point) / seconds : 0;

const percentiles = (of: 'total_ms' | 'wait_ms'): PastLine[] =>
  (['p50', 'p95', 'p99'] as const).map((name) => ({
    label: name,
    colour: name,
    value: ({ point }) => point?.[of]?.[name] ?? null,
  }));

/** The charts of the past, by name. */
const PAST: Readonly<Record<string, PastChart>> = {
  throughput: {
    lines: [
      { label: 'submitted', colour: 'submitted', value: perSecond((point) => point.submitted) },
      { label: 'succeeded', colour: 'succeeded', isArea: true, value: perSecond((point) => point.succeeded) },
      {
        label: 'other',
        colour: 'failed',
        value: perSecond(({ failed, canceled, expired }) => failed + canceled + expired),
      },
    ],
    format: formatRate,
    axis: RATES,
  },
  latency: { lines: percentiles('total_ms'), format: formatMs, axis: DURATIONS },
  wait: { lines: percentiles('wait_ms'), format: formatMs, axis: DURATIONS },
  sizes: {
    lines: [
      {
        label: 'jobs in a micro-batch',
        colour: 'sizes',
        isArea: true,
        value: ({ point }) => point?.mean_batch_size ?? null,
      },
    ],
    format: formatRate,
    axis: RATES,
  },
  rows: {
    lines: [
      { label: 'rows of batches', colour: 'rows', isArea: true, value: perSecond((point) => point.rows) },
    ],
    format: formatRate,
    axis: RATES,
  },
};

/** All charts: the past of the chosen model over the chosen time, and the queue of the last minutes. */
export class Charts {
  readonly #api: DashboardApi;
  readonly #depths = new Depths();
  readonly #past = Object.entries(PAST).map(([name, options]) => ({
    chart: new Chart(name, options),
    lines: options.lines,
  }));
  readonly #queue = new Chart('queue', {
    lines: [
      { label: 'queued', colour: 'queued', isArea: true, isStepped: true },
      { label: 'running', colour: 'running', isStepped: true },
    ],
    format: formatCount,
    axis: COUNTS,
  });
  #history: History | undefined;
  #query: StatsQuery | undefined;
  #loading = new AbortController();
  #loadedMs = 0;

  constructor(api: DashboardApi) {
    this.#api = api;
  }

  /** Figures have come, and this is what is to be shown of them. */
  show(stats: StatsBody, query: StatsQuery): void {
    this.#depths.add(stats);
    this.#queue.show(this.#depths.data(query.model));
    if (query.model !== this.#query?.model || query.minutes !== this.#query?.minutes) {
      this.#query = query;
      this.#history = undefined;
      void this.#reload(query);
      return;
    }
    const isStreamed = query.model === undefined && this.#history?.stepS === 60;
    if (isStreamed) this.#history?.merge(stats);
    // After a break the stream leaves a hole, so that even what it brings is read anew now and then.
    const isDue = performance.now() - this.#loadedMs > (isStreamed ? 3 * RELOAD_MS : RELOAD_MS);
    if (isDue) void this.#reload(query);
    if (isStreamed) this.#draw();
  }

  recolour(): void {
    for (const { chart } of this.#past) chart.recolour();
    this.#queue.recolour();
  }

  async #reload(query: StatsQuery): Promise<void> {
    this.#loadedMs = performance.now();
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    try {
      this.#history = new History(await this.#api.stats(query, signal), query.minutes);
      this.#draw();
    } catch {
      // Said by the line in the head of the page. What is drawn stays, and is read again with the next figures.
      if (!signal.aborted) this.#loadedMs = Number.NEGATIVE_INFINITY;
    }
  }

  #draw(): void {
    const stretches = this.#history?.stretches() ?? [];
    const times = stretches.map(({ atS }) => atS);
    for (const { chart, lines } of this.#past) {
      chart.show([times, ...lines.map(({ value }) => stretches.map((stretch) => value(stretch)))]);
    }
  }
}
