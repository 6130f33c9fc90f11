/**
 * The same items in the same order, with up to `depth` of them asked for before they are needed. What goes wrong shows
 * when its item is due.
 */
export async function* prefetch<T>(
  items: AsyncGenerator<T, void, undefined>,
  depth: number,
): AsyncGenerator<T, void, undefined> {
  const coming: Promise<IteratorResult<T, void>>[] = [];
  const ask = (): void => {
    const next = items.next();
    // The consumer awaits the item later; until then its rejection must not count as unhandled.
    next.catch(() => undefined);
    coming.push(next);
  };
  try {
    for (let ahead = 0; ahead <= depth; ahead += 1) ask();
    for (;;) {
      const next = await coming.shift();
      if (!next || next.done) return;
      ask();
      yield next.value;
    }
  } finally {
    void items.return().catch(() => undefined);
  }
}

/** A bound on the number of things that go on at a time. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves when there is room. */
  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Makes room for the one that has waited longest. */
  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}
