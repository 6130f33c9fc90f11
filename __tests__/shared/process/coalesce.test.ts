import { coalesce } from '../../../shared/process/coalesce.js';

/** A call that notes what it was asked for together. */
function recorder(most: number) {
  const calls: number[][] = [];
  const call = coalesce(most, (items: readonly number[]) => {
    calls.push([...items]);
    if (items.includes(13)) return Promise.reject(new Error('unlucky'));
    return Promise.resolve(items.map((item) => item * 2));
  });
  return { calls, call };
}

it('runs what comes in one turn together, so many at a time, and gives each its own answer', async () => {
  const { calls, call } = recorder(3);
  expect(await Promise.all([1, 2, 3, 4, 5, 6].map(call))).toEqual([2, 4, 6, 8, 10, 12]);
  expect(calls).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(await call(7)).toBe(14);
  expect(calls[2]).toEqual([7]);
});

it('fails what ran together with what failed, and nothing else', async () => {
  const { call } = recorder(2);
  const settled = await Promise.allSettled([1, 2, 13, 3, 5].map(call));
  expect(settled.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
  expect(await call(4)).toBe(8);
});
