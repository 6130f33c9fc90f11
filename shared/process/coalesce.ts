/**
 * Runs a call for several items at once: those that come in one turn of the event loop go together at its end, up to
 * `most` at a time. Each gets its own answer or the failure of all that it went with.
 *
 * `run` resolves to one answer an item, in the same order.
 */
export function coalesce<Item, Answer>(
  most: number,
  run: (items: readonly Item[]) => Promise<readonly Answer[]>,
): (item: Item) => Promise<Answer> {
  interface Waiting {
    item: Item;
    resolve: (answer: Answer) => void;
    reject: (error: unknown) => void;
  }
  let waiting: Waiting[] = [];

  const runSome = async (some: readonly Waiting[]): Promise<void> => {
    try {
      const answers = await run(some.map(({ item }) => item));
      some.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  };
  const runAll = (): void => {
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += most) void runSome(all.slice(from, from + most));
  };
  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(runAll);
      waiting.push({ item, resolve, reject });
    });
}
