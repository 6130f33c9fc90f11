import type { ClaimedJob } from '../../shared/jobs/job-leases.js';
import { HeldJob } from '../../worker/held-job.js';
import { RunWatch } from '../../worker/run-watch.js';

beforeEach(() => void jest.useFakeTimers({ now: 0 }));
afterEach(() => void jest.useRealTimers());

const heldJob = (timeoutMs: number): HeldJob =>
  new HeldJob(
    {
      id: `t${timeoutMs}`,
      token: 1,
      claimId: 'c',
      attempts: 1,
      maxAttempts: 3,
      timeoutMs,
      input: {},
      requestId: undefined,
      traceparent: undefined,
      waitedMs: 0,
    } satisfies ClaimedJob,
    () => undefined,
  );

/** A watch over jobs with these timeouts, and what it did, in order, each with its time in ms. */
function watch(...timeoutsMs: number[]) {
  const jobs = timeoutsMs.map(heldJob);
  const did: [number, string][] = [];
  const runWatch = new RunWatch(jobs, {
    timedOut: (due) => {
      for (const job of due) {
        job.decide();
        did.push([performance.now(), job.claimed.id]);
      }
    },
    kill: () => void did.push([performance.now(), 'kill']),
  });
  return { jobs, did, runWatch };
}

it('times each job out by itself and kills at the largest timeout', () => {
  const { did } = watch(2_000, 500, 1_000);
  jest.advanceTimersByTime(10_000);
  expect(did).toEqual([
    [500, 't500'],
    [1_000, 't1000'],
    [2_000, 't2000'],
    [2_000, 'kill'],
  ]);
});

it('kills after five seconds when all jobs were canceled', () => {
  const { jobs, did, runWatch } = watch(60_000, 60_000);
  jest.advanceTimersByTime(1_000);
  for (const job of jobs) job.decide();
  runWatch.look();
  jest.advanceTimersByTime(3_999);
  expect(did).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(did).toEqual([[5_000, 'kill']]);
});

it('kills at once when the last job leaves a prediction that is already old', () => {
  const { jobs, did, runWatch } = watch(60_000);
  jest.advanceTimersByTime(9_000);
  jobs[0]?.decide();
  runWatch.look();
  expect(did).toEqual([[9_000, 'kill']]);
});

it('gives a prediction a moment, however short its timeouts', () => {
  const { did } = watch(1);
  jest.advanceTimersByTime(1_000);
  expect(did).toEqual([
    [1, 't1'],
    [250, 'kill'],
  ]);
});

it('does nothing once the prediction is over', () => {
  const { did, runWatch } = watch(100);
  runWatch.end();
  jest.advanceTimersByTime(10_000);
  expect(did).toEqual([]);
});
