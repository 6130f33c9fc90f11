import { RedisUnavailableError } from '../../shared/errors.js';
import type { TakenDeliveries } from '../../worker/intake/taken-deliveries.js';
import type { Lane } from '../../worker/jobs/lane.js';
import type { MicroBatchRunner } from '../../worker/jobs/micro-batch-runner.js';
import { MicroBatcher } from '../../worker/jobs/micro-batcher.js';
import { Turns } from '../../worker/models/turns.js';
import { recordingLog } from '../support/recording-log.js';

it('ends its deliveries at once when the claim that it repeats to leave is refused', async () => {
  const calls: boolean[] = [];
  const log = recordingLog();
  let leave: Promise<void> | undefined;
  const claimAlong = (_requests: unknown, _lists: unknown, { isRepeated }: { isRepeated: boolean }) => {
    calls.push(isRepeated);
    if (isRepeated) return Promise.reject(new Error('WRONGTYPE'));
    leave = batcher.drain(60_000);
    return Promise.reject(new RedisUnavailableError('claiming'));
  };
  const nothing = (): undefined => undefined;
  const lane = {
    queue: 'q',
    model: { turns: new Turns() },
    settlement: {
      release: nothing,
      handBack: () => Promise.resolve(),
      settled: () => Promise.resolve(),
      abandoned: new AbortController().signal,
    },
    leases: { claimAlong },
    maxBatch: 4,
    leaseMs: 1_000,
    log,
  } as unknown as Lane;
  const runner = {
    ready: () => Promise.resolve(),
    run: () => Promise.resolve(true),
    stop: nothing,
    abandon: nothing,
  } as unknown as MicroBatchRunner;
  const batcher: MicroBatcher = new MicroBatcher(lane, runner, {} as TakenDeliveries);
  await batcher.handle({ jobId: 'a', delivery: 1 });
  await leave;
  expect(calls).toEqual([false, true]);
  expect(log.said('jobs not claimed')).toMatchObject({ level: 'error' });
});
