import { HISTORY_MINUTES, type StatsStore } from '../../shared/stats/stats-store.js';
import type { Tally } from '../../shared/stats/tally.js';

/** Minutes of one model that can no longer change, from `first` up to but not including `next`. */
interface ClosedMinutes {
  first: number;
  next: number;
  tallies: Map<number, Tally>;
}

/** The history, of which each process reads a minute that is over once only. */
export class History {
  readonly #store: StatsStore;
  readonly #closed = new Map<string, ClosedMinutes>();

  constructor(store: StatsStore) {
    this.#store = store;
  }

  /**
   * The last `count` minutes of a model up to `current`, this one included, by their number; those in which nothing was
   * are missing. `current` is the minute by Redis's clock: all before it are over.
   */
  async of(
    model: string,
    { current, count }: { current: number; count: number },
  ): Promise<Map<number, Tally>> {
    const first = current - Math.min(count, HISTORY_MINUTES) + 1;
    const [closed, open] = await Promise.all([
      this.#closedFrom(model, first, current),
      this.#store.minutes(model, { first: current, count: 1 }),
    ]);
    const wanted = [...closed.tallies].filter(([minute]) => minute >= first && minute < current);
    return new Map([...wanted, ...open]);
  }

  async #closedFrom(model: string, first: number, current: number): Promise<ClosedMinutes> {
    const known = this.#closed.get(model) ?? { first: current, next: current, tallies: new Map() };
    const [earlier, later] = await Promise.all([
      this.#store.minutes(model, { first, count: Math.max(0, known.first - first) }),
      this.#store.minutes(model, { first: known.next, count: Math.max(0, current - known.next) }),
    ]);
    const oldest = current - HISTORY_MINUTES;
    const kept = [...earlier, ...known.tallies, ...later].filter(([minute]) => minute > oldest);
    const closed = {
      first: Math.max(Math.min(first, known.first), oldest + 1),
      next: Math.max(current, known.next),
      tallies: new Map(kept),
    };
    this.#closed.set(model, closed);
    return closed;
  }
}
