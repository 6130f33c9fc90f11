/**
 * Runs a call for several items at once: one that comes while no call is under way goes at once, and those that come in
 * one turn of the event loop while there is one go together, up to `most` at a time. Each gets its own answer or the
 * failure of all that it went with.
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
  let underWay = 0;

  const runSome = async (some: readonly Waiting[]): Promise<void> => {
    underWay += 1;
    try {
      const answers = await run(some.map(({ item }) => item));
      some.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      for (const { reject } of some) reject(error);
    } finally {
      underWay -= 1;
    }
  };
  const runAll = (): void => {
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += most) void runSome(all.slice(from, from + most));
  };
  return (item) =>
    new Promise((resolve, reject) => {
      const one = { item, resolve, reject };
      if (underWay === 0) return void runSome([one]);
      if (waiting.length === 0) setImmediate(runAll);
      waiting.push(one);
    });
}
