/** Gives the turn back. */
export type EndTurn = () => void;

/**
 * The right to use an inference process, one holder at a time. Each lane waits in its own order; when several lanes
 * wait they alternate, so a lane with much to do gets one turn between two of the others and no more.
 */
export class Turns<Lane extends string> {
  readonly #lanes: readonly Lane[];
  readonly #waiting = new Map<Lane, ((end: EndTurn) => void)[]>();
  #isTaken = false;
  #last: Lane;

  /** @param lanes in the order in which they alternate */
  constructor(lanes: readonly [Lane, ...Lane[]]) {
    this.#lanes = lanes;
    this.#last = lanes.at(-1) ?? lanes[0];
  }

  /** Resolves when it is the caller's turn, with what ends it. */
  take(lane: Lane): Promise<EndTurn> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(lane);
      if (queue) queue.push(resolve);
      else this.#waiting.set(lane, [resolve]);
      this.#next();
    });
  }

  #next(): void {
    if (this.#isTaken) return;
    const after = this.#lanes.indexOf(this.#last) + 1;
    const order = [...this.#lanes.slice(after), ...this.#lanes.slice(0, after)];
    const lane = order.find((name) => (this.#waiting.get(name)?.length ?? 0) > 0);
    const resolve = lane === undefined ? undefined : this.#waiting.get(lane)?.shift();
    if (lane === undefined || !resolve) return;
    this.#isTaken = true;
    this.#last = lane;
    let isEnded = false;
    resolve(() => {
      if (isEnded) return;
      isEnded = true;
      this.#isTaken = false;
      this.#next();
    });
  }
}
