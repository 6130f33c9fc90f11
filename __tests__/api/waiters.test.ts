import { Waiters } from '../../api/waiting/waiters.js';

const LONG_MS = 60_000;

/** Whether a promise has settled by now, without waiting for it. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  return Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(resolve, false)),
  ]);
}

it('wakes those whose job is announced, and no one else', async () => {
  const waiters = new Waiters(10);
  const [a, alsoA, b] = [waiters.register('a'), waiters.register('a'), waiters.register('b')];
  const sleeps = [a, alsoA, b].map(
    (waiter) => waiter?.sleep(LONG_MS) ?? Promise.reject(new Error('no waiter')),
  );
  waiters.wake('x,a,y');
  expect(await Promise.all(sleeps.map(isDone))).toEqual([true, true, false]);
  waiters.close();
});

it('does not let an announcement get lost that comes before the sleep', async () => {
  const waiters = new Waiters(10);
  const waiter = waiters.register('a');
  waiters.wake('a');
  expect(await isDone(waiter?.sleep(LONG_MS) ?? Promise.reject(new Error('no waiter')))).toBe(true);
  const second = waiter?.sleep(LONG_MS) ?? Promise.resolve();
  expect(await isDone(second)).toBe(false);
  waiters.close();
  expect(await isDone(second)).toBe(true);
});

it('sleeps no longer than asked', async () => {
  await expect(new Waiters(1).register('a')?.sleep(5)).resolves.toBeUndefined();
});

it('has room for so many, and again when one leaves', () => {
  const waiters = new Waiters(2);
  const first = waiters.register('a');
  expect(waiters.register('b')).toBeDefined();
  expect(waiters.register('c')).toBeUndefined();
  first?.leave();
  first?.leave();
  expect(waiters.size).toBe(1);
  expect(waiters.register('c')).toBeDefined();
});

it('lets nobody wait once it is closed', () => {
  const waiters = new Waiters(2);
  const waiter = waiters.register('a');
  waiters.close();
  expect(waiter?.isOver).toBe(true);
  expect(waiters.register('b')).toBeUndefined();
});

it('lets those who wait go on for a while when it drains, and nobody new', async () => {
  const waiters = new Waiters(2);
  const waiter = waiters.register('a');
  waiters.drain(20);
  expect(waiters.register('b')).toBeUndefined();
  expect(waiter?.isOver).toBe(false);
  await waiter?.sleep(LONG_MS);
  expect(waiter?.isOver).toBe(true);
});
