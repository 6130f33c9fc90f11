import * as fc from 'fast-check';
import { TimerWheel } from '../../../shared/process/timer-wheel.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('rings each alarm once, never early, late by no more than 5 ms or a 64th, and canceled ones never', () => {
  const orders = fc.array(fc.record({ afterMs: fc.nat(500), ms: fc.nat(70_000), isCanceled: fc.boolean() }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(orders, (all) => {
      const wheel = new TimerWheel();
      const rung: { lateMs: number; ms: number }[] = [];
      for (const { afterMs, ms, isCanceled } of all) {
        jest.advanceTimersByTime(afterMs);
        const dueMs = performance.now() + ms;
        const alarm = wheel.set(ms, () => rung.push({ lateMs: performance.now() - dueMs, ms }));
        if (isCanceled) alarm.cancel();
      }
      jest.advanceTimersByTime(72_000);
      expect(rung).toHaveLength(all.filter(({ isCanceled }) => !isCanceled).length);
      // Timers of Node count whole milliseconds.
      for (const { lateMs, ms } of rung) {
        expect(lateMs).toBeGreaterThanOrEqual(0);
        expect(lateMs).toBeLessThanOrEqual(Math.max(5, ms / 64) + 1);
      }
      expect(jest.getTimerCount()).toBe(0);
    }),
    { numRuns: 50 },
  );
});

it('takes alarms that are set, and canceled, while others ring', () => {
  const wheel = new TimerWheel();
  const rung: string[] = [];
  const second = wheel.set(50, () => rung.push('second'));
  wheel.set(20, () => {
    rung.push('first');
    second.cancel();
    wheel.set(0, () => rung.push('third'));
  });
  jest.advanceTimersByTime(100);
  expect(rung).toEqual(['first', 'third']);
});
