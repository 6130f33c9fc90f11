import type { Point, StatsBody } from '../../../shared/contract/stats.js';
import type { DashboardApi, StatsQuery } from '../api.js';
import { formatCount, formatMs, formatRate } from '../format.js';
import { COUNTS, DURATIONS, RATES } from './axis.js';
import { Chart, type ChartData } from './chart.js';
import { Depths } from './depths.js';
import { History } from './history.js';

/** A history that the stream does not bring is read again so often, in ms. */
const RELOAD_MS = 10_000;

const PERCENTILES = [
  { label: 'p50', colour: 'p50' },
  { label: 'p95', colour: 'p95' },
  { label: 'p99', colour: 'p99' },
];

/** All charts: the past of the chosen model over the chosen time, and the queue of the last minutes. */
export class Charts {
  readonly #api: DashboardApi;
  readonly #depths = new Depths();
  readonly #throughput = new Chart('throughput', {
    lines: [
      { label: 'submitted', colour: 'submitted' },
      { label: 'succeeded', colour: 'succeeded', isArea: true },
      { label: 'other', colour: 'failed' },
    ],
    format: formatRate,
    axis: RATES,
  });
  readonly #latency = new Chart('latency', { lines: PERCENTILES, format: formatMs, axis: DURATIONS });
  readonly #wait = new Chart('wait', { lines: PERCENTILES, format: formatMs, axis: DURATIONS });
  readonly #sizes = new Chart('sizes', {
    lines: [{ label: 'jobs in a micro-batch', colour: 'sizes', isArea: true }],
    format: formatRate,
    axis: RATES,
  });
  readonly #rows = new Chart('rows', {
    lines: [{ label: 'rows of batches', colour: 'rows', isArea: true }],
    format: formatRate,
    axis: RATES,
  });
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
    for (const chart of [this.#throughput, this.#latency, this.#wait, this.#sizes, this.#rows, this.#queue]) {
      chart.recolour();
    }
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
    const rates = (count: (point: Point) => number): number[] =>
      stretches.map(({ point, seconds }) => (point ? count(point) / seconds : 0));
    const values = (value: (point: Point) => number | undefined): (number | null)[] =>
      stretches.map(({ point }) => (point && value(point)) ?? null);
    this.#throughput.show([
      times,
      rates(({ submitted }) => submitted),
      rates(({ succeeded }) => succeeded),
      rates(({ failed, canceled, expired }) => failed + canceled + expired),
    ]);
    this.#latency.show(percentiles(times, values, 'total_ms'));
    this.#wait.show(percentiles(times, values, 'wait_ms'));
    this.#sizes.show([times, values((point) => point.mean_batch_size)]);
    this.#rows.show([times, rates(({ rows }) => rows)]);
  }
}

type Values = (value: (point: Point) => number | undefined) => (number | null)[];

const percentiles = (times: number[], values: Values, of: 'total_ms' | 'wait_ms'): ChartData => [
  times,
  values((point) => point[of]?.p50),
  values((point) => point[of]?.p95),
  values((point) => point[of]?.p99),
];
