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
    // Whoever takes the item hears of it; until then it is no unhandled rejection.
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
