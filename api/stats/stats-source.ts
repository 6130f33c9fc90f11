import type { Demand, StatsBody } from '../../shared/contract/stats.js';
import { sumDepths } from '../../shared/stats/stats-store.js';
import { addTally, emptyTally, type Tally } from '../../shared/stats/tally.js';
import type { ModelRegistry } from '../models/model-registry.js';
import type { ServedModel } from '../models/served-models.js';
import type { Partitions } from '../partitions.js';
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
const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS);
const DAY_MINUTES = 24 * 60;
/** A curve has some hundred points at most; longer stretches are drawn in coarser steps. */
const POINTS_AT_MOST = 180;
const STEPS_MINUTES = [1, 2, 5, 10];

/** Reads what the dashboard draws. Rejects with RedisUnavailableError while Redis is away. */
export class StatsSource {
  readonly #partitions: Partitions;
  readonly #histories: readonly History[];
  readonly #models: ModelRegistry;

  constructor(partitions: Partitions, models: ModelRegistry) {
    this.#partitions = partitions;
    this.#histories = partitions.all.map(({ stats }) => new History(stats));
    this.#models = models;
  }

  /**
   * The work that waits and that workers hold, of one model or of all, in jobs. Rejects while a partition is away: a smaller
   * number would take workers away.
   */
  async demand(model: string | undefined): Promise<Demand> {
    const served = [...this.#models.current.byName.values()].filter(
      ({ manifest }) => model === undefined || manifest.name === model,
    );
    const queuesOf = served.flatMap(({ queue, batch }) => [queue, batch.queue]);
    const { queues } = sumDepths(await this.#partitions.readEach(({ stats }) => stats.depths(queuesOf)));
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
    const queuesOf = served.flatMap(({ queue, batch }) => [queue, batch.queue]);
    const minutesRead = Math.max(minutes, DAY_MINUTES);
    const [{ found, missing }, workers] = await Promise.all([
      this.#partitions.readAll(async ({ index, stats }) => {
        const depths = await stats.depths(queuesOf);
        const span = { current: minuteOf(depths.nowMs), count: minutesRead };
        const history = this.#histories[index] as History;
        return {
          depths,
          past: await Promise.all(served.map(({ manifest }) => history.of(manifest.name, span))),
        };
      }),
      this.#partitions.workers().catch(() => []),
    ]);
    const { nowMs, running, queues } = sumDepths(found.map(({ depths }) => depths));
    const current = minuteOf(nowMs);
    const [only] = found;
    const past =
      only && found.length === 1
        ? only.past
        : served.map((_, index) => mergeMinutes(found.map((part) => part.past[index] ?? new Map())));

    const windowMs = nowMs - (current - 1) * MINUTE_MS;
    const of = (indexes: number[]) => {
      const within = (count: number): Tally[] =>
        indexes.flatMap((index) =>
          [...(past[index] ?? [])].flatMap(([minute, tally]) => (minute > current - count ? [tally] : [])),
        );
      const depthsOf = (offset: 0 | 1) => indexes.flatMap((index) => queues[2 * index + offset] ?? []);
      return presentFigures({
        nowMs,
        windowMs,
        jobs: depthsOf(0),
        chunks: depthsOf(1),
        lately: sumOf(within(2)),
        lastDay: sumCounts(within(DAY_MINUTES)),
      });
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
      missing_partitions: missing.length > 0 ? missing : undefined,
    };
  }
}

/** A chunk asks as much of a worker as a full micro-batch of jobs. */
const JOBS_A_CHUNK = 64;

/** The minutes of several models or partitions together, those after `after` only. */
function mergeMinutes(pasts: readonly ReadonlyMap<number, Tally>[], after = 0): Map<number, Tally> {
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
