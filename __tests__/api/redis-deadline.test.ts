import { createRedisDeadline } from '../../api/redis-deadline.js';
import { RedisUnavailableError } from '../../shared/errors.js';

afterEach(() => void jest.useRealTimers());

it('ends the wait for Redis when its time is over, not before, and tells of it', async () => {
  jest.useFakeTimers();
  const told = jest.fn();
  const withinDeadline = createRedisDeadline(800, told);
  const ended = jest.fn();
  const waiting = withinDeadline('reading', () => new Promise(() => undefined)).catch(ended);
  await jest.advanceTimersByTimeAsync(799);
  expect([ended, told].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  // Its timer may be late by a 64th.
  await jest.advanceTimersByTimeAsync(14);
  await waiting;
  expect(ended).toHaveBeenCalledWith(expect.any(RedisUnavailableError));
  expect(told).toHaveBeenCalledTimes(1);
  expect(await withinDeadline('reading', () => Promise.resolve(7))).toBe(7);
  await jest.advanceTimersByTimeAsync(1_600);
  expect(told).toHaveBeenCalledTimes(1);
});
