import type { Point, StatsBody } from '../../../shared/contract/stats.js';

/** A stretch of the past: its beginning, how long it has been so far, and what happened in it. */
export interface Stretch {
  atS: number;
  seconds: number;
  point: Point | undefined;
}

/** The past as it was read, kept up to date with what the stream brings. */
export class History {
  readonly stepS: number;
  readonly #minutes: number;
  readonly #points: Map<number, Point>;
  #nowMs: number;

  constructor(stats: StatsBody, minutes: number) {
    this.stepS = stats.history.step_s;
    this.#minutes = minutes;
    this.#nowMs = Date.parse(stats.at);
    this.#points = new Map(stats.history.points.map((point) => [Date.parse(point.at), point]));
  }

  /** Takes over the last minutes of other figures: of the same model, in the same steps. */
  merge(stats: StatsBody): void {
    this.#nowMs = Date.parse(stats.at);
    for (const point of stats.history.points) this.#points.set(Date.parse(point.at), point);
    const oldest = this.#nowMs - this.#minutes * 60_000 - this.stepS * 1000;
    for (const at of this.#points.keys()) if (at < oldest) this.#points.delete(at);
  }

  /** Every stretch of the range, oldest first. */
  stretches(): Stretch[] {
    const stepMs = this.stepS * 1000;
    const last = Math.floor(this.#nowMs / stepMs) * stepMs;
    const count = Math.ceil((this.#minutes * 60) / this.stepS);
    return Array.from({ length: count }, (_, i) => {
      const at = last - (count - 1 - i) * stepMs;
      const seconds = Math.min(stepMs, Math.max(1_000, this.#nowMs - at)) / 1000;
      return { atS: at / 1000, seconds, point: this.#points.get(at) };
    });
  }
}
