import { prefetch, Slots } from '../../../scripts/batch/flow.js';
import { createLatch } from '../../support/latch.js';

describe('prefetch', () => {
  async function* numbers(made: number[], end = 5): AsyncGenerator<number, void, undefined> {
    for (let n = 0; n < end; n += 1) {
      made.push(n);
      yield n;
    }
  }

  it('gives the same items, some of them made before they are needed', async () => {
    const made: number[] = [];
    const given: number[] = [];
    for await (const n of prefetch(numbers(made), 2)) {
      given.push(n);
      // What is asked for is made as soon as the source gets its turn.
      await new Promise(setImmediate);
      expect(made.length).toBe(Math.min(5, n + 4));
    }
    expect(given).toEqual([0, 1, 2, 3, 4]);
  });

  it('shows what goes wrong when its item is due', async () => {
    const failing = async function* () {
      yield 1;
      throw new Error('no second');
    };
    const given: number[] = [];
    const taking = async (): Promise<void> => {
      for await (const n of prefetch(failing(), 3)) {
        await new Promise(setImmediate);
        given.push(n);
      }
    };
    await expect(taking()).rejects.toThrow('no second');
    expect(given).toEqual([1]);
  });

  it('ends its source when it is left', async () => {
    const ended = createLatch();
    const endless = async function* () {
      try {
        for (;;) yield 1;
      } finally {
        ended.open();
      }
    };
    for await (const _ of prefetch(endless(), 1)) break;
    await expect(ended.opened).resolves.toBeUndefined();
  });
});

describe('slots', () => {
  it('let so many through, and then one for each that is given back, in turn', async () => {
    const slots = new Slots(2);
    const through: string[] = [];
    const take = (name: string): Promise<unknown> => slots.take().then(() => through.push(name));
    const taken = [take('a'), take('b'), take('c'), take('d')];
    await Promise.all(taken.slice(0, 2));
    expect(through).toEqual(['a', 'b']);
    slots.give();
    await taken[2];
    expect(through).toEqual(['a', 'b', 'c']);
    slots.give();
    slots.give();
    await taken[3];
    await take('e');
    expect(through).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
