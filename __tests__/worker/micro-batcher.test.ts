import { RedisUnavailableError } from '../../shared/errors.js';
import type { ClaimRequest } from '../../shared/jobs/job-leases.js';
import type { Lane } from '../../worker/jobs/lane.js';
import { MicroBatcher, type Runner } from '../../worker/jobs/micro-batcher.js';
import type { WorkerPartition } from '../../worker/intake/worker-partition.js';
import { Turns } from '../../worker/models/turns.js';
import { recordingLog } from '../support/recording-log.js';

it('leaves at once when the claim that it repeats to leave is refused', async () => {
  const numbers: number[] = [];
  const log = recordingLog();
  let leave: Promise<void> | undefined;
  const claim = ({ number }: ClaimRequest) => {
    numbers.push(number);
    if (leave) return Promise.reject(new Error('WRONGTYPE'));
    leave = batcher.drain(60_000);
    return Promise.reject(new RedisUnavailableError('claiming'));
  };
  const nothing = (): undefined => undefined;
  const lane = {
    queue: 'q',
    kind: 'jobs',
    model: { turns: new Turns() },
    settlement: {
      release: nothing,
      settled: () => Promise.resolve(),
      abandoned: new AbortController().signal,
    },
    leaseMs: 1_000,
    log,
  } as unknown as Lane;
  const runner = {
    most: 4,
    ready: () => Promise.resolve(),
    stop: nothing,
    abandon: nothing,
  } as unknown as Runner;
  const batcher: MicroBatcher = new MicroBatcher(lane, runner, [
    { leases: { claim } } as unknown as WorkerPartition,
  ]);
  await batcher.claims[0]?.wake();
  await leave;
  expect(numbers).toEqual([1, 1]);
  expect(log.said('jobs not claimed')).toMatchObject({ level: 'error' });
});
