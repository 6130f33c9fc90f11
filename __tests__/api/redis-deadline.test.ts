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
  await jest.advanceTimersByTimeAsync(1);
  await waiting;
  expect(ended).toHaveBeenCalledWith(expect.any(RedisUnavailableError));
  expect(told).toHaveBeenCalledTimes(1);
  expect(await withinDeadline('reading', () => Promise.resolve(7))).toBe(7);
  expect(jest.getTimerCount()).toBe(0);
});
