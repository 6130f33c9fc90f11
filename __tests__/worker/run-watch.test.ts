import type { WorkerPartition } from '../../worker/intake/worker-partition.js';
import type { ClaimedJob } from '../../shared/jobs/claimed-job.js';
import { HeldJob } from '../../worker/jobs/held-job.js';
import { RunWatch } from '../../worker/jobs/run-watch.js';

beforeEach(() => void jest.useFakeTimers({ now: 0 }));
afterEach(() => void jest.useRealTimers());

const heldJob = (timeoutMs: number): HeldJob =>
  new HeldJob({ id: `t${timeoutMs}`, record: { timeoutMs } } as ClaimedJob, {} as WorkerPartition);

/** A watch over jobs with these timeouts, and what it did, in order, each with its time in ms. */
function watch(...timeoutsMs: number[]) {
  const jobs = timeoutsMs.map(heldJob);
  const did: [number, string][] = [];
  const runWatch = new RunWatch(jobs, {
    timedOut: (job) => void did.push([performance.now(), job.claimed.id]),
    kill: () => void did.push([performance.now(), 'kill']),
  });
  return { jobs, did, runWatch };
}

it('times a lone job out, and kills the process with it', () => {
  const { did } = watch(2_000);
  jest.advanceTimersByTime(10_000);
  expect(did).toEqual([
    [2_000, 't2000'],
    [2_000, 'kill'],
  ]);
});

it('kills a shared run at the first timeout, and blames nobody', () => {
  const { did } = watch(2_000, 500, 1_000);
  jest.advanceTimersByTime(10_000);
  expect(did).toEqual([[500, 'kill']]);
});

it('kills a moment after a job was canceled, whether others run with it or none', () => {
  for (const timeoutsMs of [[60_000, 60_000], [60_000]]) {
    const { jobs, did, runWatch } = watch(...timeoutsMs);
    const startMs = performance.now();
    jest.advanceTimersByTime(1_000);
    jobs[0]?.decide();
    if (jobs[0]) runWatch.left(jobs[0], 'canceling');
    jest.advanceTimersByTime(10_000);
    expect(did).toEqual([[startMs + 1_250, 'kill']]);
  }
});

it('lets a run go on of which others took a job, and kills it when they took all', () => {
  const { jobs, did, runWatch } = watch(60_000, 60_000);
  for (const job of jobs) {
    jest.advanceTimersByTime(1_000);
    expect(did).toEqual([]);
    job.decide();
    runWatch.left(job, 'lost');
  }
  jest.advanceTimersByTime(1_000);
  expect(did).toEqual([[2_250, 'kill']]);
});

it('has nothing to do with a job that it does not run', () => {
  const { did, runWatch } = watch(60_000);
  runWatch.left(heldJob(60_000), 'canceling');
  jest.advanceTimersByTime(10_000);
  expect(did).toEqual([]);
});

it('gives a prediction a moment, however short its timeouts', () => {
  const alone = watch(1);
  const shared = watch(1, 60_000);
  jest.advanceTimersByTime(1_000);
  expect(alone.did).toEqual([
    [1, 't1'],
    [250, 'kill'],
  ]);
  expect(shared.did).toEqual([[250, 'kill']]);
});

it('does nothing once the prediction is over', () => {
  const { did, runWatch } = watch(100);
  runWatch.end();
  jest.advanceTimersByTime(10_000);
  expect(did).toEqual([]);
});
