import type { StatsBody } from '../../../shared/contract/stats.js';
import type { ChartData } from './chart.js';

/** Time that the series covers, in s. */
const SPAN_S = 300;
/** Figures further apart than this have a hole between them, in s. */
const HOLE_S = 4;

const NOTHING = { waiting: 0, running: 0 };

interface Depth {
  atS: number;
  all: Pick<StatsBody, 'waiting' | 'running'>;
  byModel: ReadonlyMap<string, Pick<StatsBody, 'waiting' | 'running'>>;
}

/** Depths of the queue in the last minutes, second by second, as this page has seen them. */
export class Depths {
  readonly #seen: Depth[] = [];

  add({ at, waiting, running, models }: StatsBody): void {
    const atS = Date.parse(at) / 1000;
    if (this.#seen.at(-1)?.atS === atS) return;
    const byModel = new Map(models.map((model) => [model.name, model]));
    this.#seen.push({ atS, all: { waiting, running }, byModel });
    while ((this.#seen[0]?.atS ?? atS) < atS - SPAN_S) this.#seen.shift();
  }

  data(model: string | undefined): ChartData {
    const data: ChartData = [[], [], []];
    const push = (at: number, waiting: number | null, running: number | null): void => {
      data[0].push(at);
      data[1]?.push(waiting);
      data[2]?.push(running);
    };
    const now = this.#seen.at(-1)?.atS ?? 0;
    const first = this.#seen[0]?.atS ?? now;
    // The axis spans the whole time from the start, so that the curve does not shrink as it grows.
    if (first > now - SPAN_S + 1) push(now - SPAN_S, null, null);
    let before = first;
    for (const { atS, all, byModel } of this.#seen) {
      if (atS - before > HOLE_S) push(before + 1, null, null);
      const { waiting, running } = (model === undefined ? all : byModel.get(model)) ?? NOTHING;
      push(atS, waiting, running);
      before = atS;
    }
    return data;
  }
}
