import type { Demand, StatsBody } from '../../shared/contract/stats.js';
import { StatsStore } from '../../shared/stats/stats-store.js';
import { addTally, emptyTally, type Tally } from '../../shared/stats/tally.js';
import { readWorkers } from '../../shared/workers/registry.js';
import type { RecordScripts } from '../../shared/records/records.js';
import type { ModelRegistry } from '../models/model-registry.js';
import type { ServedModel } from '../models/served-models.js';
import { standingOf } from '../models/serving.js';
import { History } from './history.js';
import { presentFigures, presentPoints, presentWorker, sumCounts, sumOf } from './present-stats.js';

/** The part of the past that a client asks for. */
export interface HistoryQuery {
  /** Undefined: all models together. */
  model: string | undefined;
  minutes: number;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
/** A curve has some hundred points at most; longer stretches are drawn in coarser steps. */
const POINTS_AT_MOST = 180;
const STEPS_MINUTES = [1, 2, 5, 10];

/** Reads what the dashboard draws. Rejects with RedisUnavailableError while Redis is away. */
export class StatsSource {
  readonly #records: RecordScripts;
  readonly #store: StatsStore;
  readonly #history: History;
  readonly #models: ModelRegistry;

  constructor(records: RecordScripts, models: ModelRegistry) {
    this.#records = records;
    this.#store = new StatsStore(records);
    this.#history = new History(this.#store);
    this.#models = models;
  }

  /** The work that waits and that workers hold, of one model or of all, in jobs. */
  async demand(model: string | undefined): Promise<Demand> {
    const served = [...this.#models.current.byName.values()].filter(
      ({ manifest }) => model === undefined || manifest.name === model,
    );
    const { queues } = await this.#store.depths(served.flatMap(({ queue, batch }) => [queue, batch.queue]));
    const demand = { waiting: 0, held: 0 };
    queues.forEach(({ waiting, delayed, running }, index) => {
      const jobs = index % 2 === 0 ? 1 : JOBS_A_CHUNK;
      demand.waiting += jobs * (waiting - delayed);
      demand.held += jobs * running;
    });
    return demand;
  }

  async read({ model, minutes }: HistoryQuery): Promise<StatsBody> {
    const served = [...this.#models.current.byName.values()];
    const [{ nowMs, running, queues }, workers] = await Promise.all([
      this.#store.depths(served.flatMap(({ queue, batch }) => [queue, batch.queue])),
      readWorkers(this.#records),
    ]);
    const current = Math.floor(nowMs / MINUTE_MS);
    const span = { current, count: Math.max(minutes, DAY_MINUTES) };
    const past = await Promise.all(served.map(({ manifest }) => this.#history.of(manifest.name, span)));

    const windowMs = nowMs - (current - 1) * MINUTE_MS;
    const of = (indexes: number[]) => {
      const within = (count: number): Tally[] =>
        indexes.flatMap((index) =>
          [...(past[index] ?? [])].flatMap(([minute, tally]) => (minute > current - count ? [tally] : [])),
        );
      const depthsOf = (offset: 0 | 1) => indexes.flatMap((index) => queues[2 * index + offset] ?? []);
      return presentFigures(
        { nowMs, windowMs },
        {
          jobs: depthsOf(0),
          chunks: depthsOf(1),
          lately: sumOf(within(2)),
          lastDay: sumCounts(within(DAY_MINUTES)),
        },
      );
    };
    const ofModel = ({ manifest: { name } }: ServedModel, index: number): StatsBody['models'][number] => ({
      name,
      running: queues[2 * index]?.running ?? 0,
      held_up: standingOf(name, workers).heldUp,
      ...of([index]),
    });
    const wanted = past.filter((_, index) => model === undefined || served[index]?.manifest.name === model);
    const step = STEPS_MINUTES.find((candidate) => minutes / candidate <= POINTS_AT_MOST) ?? 10;
    return {
      at: new Date(nowMs).toISOString(),
      running,
      window_s: Math.round(windowMs / 100) / 10,
      ...of(served.map((_, index) => index)),
      models: served.map(ofModel),
      workers: workers.map(presentWorker),
      history: { step_s: step * 60, points: presentPoints(mergeMinutes(wanted, current - minutes), step) },
    };
  }
}

/** A chunk asks as much of a worker as a full micro-batch of jobs. */
const JOBS_A_CHUNK = 64;

/** The minutes of several models together, those after `after` only. */
function mergeMinutes(pasts: readonly ReadonlyMap<number, Tally>[], after: number): Map<number, Tally> {
  const merged = new Map<number, Tally>();
  for (const past of pasts) {
    for (const [minute, tally] of past) {
      if (minute <= after) continue;
      const sum = merged.get(minute) ?? emptyTally();
      addTally(sum, tally);
      merged.set(minute, sum);
    }
  }
  return merged;
}
