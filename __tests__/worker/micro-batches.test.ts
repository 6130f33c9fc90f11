import { until } from '../support/latch.js';
import type { Worker } from '../../worker/worker.js';
import { useRedis } from '../support/rigs/use-redis.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

const server = useRedis();

describe('one worker after the other', () => {
  const rig = useWorkerRig({ server });

  it('runs what waits in full batches, one claimed while another runs, and leaves nothing in Bee-Queue', async () => {
    const ids = await Promise.all(Array.from({ length: 300 }, (_, value) => rig.order('answer', value)));
    const worker = await rig.start();
    const jobs = await rig.allEnd(ids);
    expect(new Set(jobs.map(({ state, attempts }) => `${state} ${attempts}`))).toEqual(
      new Set(['succeeded 1']),
    );
    await until(() => worker.models()[0]?.jobs === 300);
    expect(worker.models()[0]?.batches).toBeLessThanOrEqual(7);
    const lists = ['waiting', 'active', 'jobs'].map((list) => rig.records.key(`bq:faulty:${list}`));
    await until(async () => (await rig.redis.command(['EXISTS', ...lists])) === 0, {
      what: 'the end of all calls',
    });
  });

  it('takes no more than MAX_BATCH at once', async () => {
    await rig.start({ maxBatch: 4 });
    await rig.order('hold', 0);
    await rig.isHeld();
    const ids = await Promise.all(Array.from({ length: 20 }, (_, value) => rig.order('answer', value)));
    rig.letGo();
    const jobs = await rig.allEnd(ids);
    const sizes = jobs.map((job) => (job.state === 'succeeded' ? job.timings?.batchSize : undefined));
    expect(Math.max(...sizes.map((size) => size ?? Number.NaN))).toBe(4);
  });
});

describe('one worker all along', () => {
  const rig = useWorkerRig({ server, shared: true });
  // The worker has run nothing before the first of these tests.
  let worker: Worker;
  beforeAll(async () => {
    worker = await rig.start();
  });
  beforeEach(() => {
    rig.shut();
    rig.log.lines.splice(0);
  });

  it('runs a lone job at once', async () => {
    const job = await rig.reaches(await rig.order('answer', 21), 'succeeded');
    expect(job).toMatchObject({
      resultJson: JSON.stringify({ doubled: 42 }),
      attempts: 1,
      modelVersion: '1.0.0',
    });
    expect(job.timings?.batchSize).toBe(1);
    expect(job.timings?.predictMs).toBeGreaterThan(0);
    // The worker counts a job once Redis has told it that its outcome counted.
    await until(() => worker.models()[0]?.jobs === 1);
    expect(worker.models()).toMatchObject([
      { name: 'faulty', engine: 'wasm', jobs: 1, batches: 1, lastBatchSize: 1 },
    ]);
  });

  it('gathers what comes while the model is busy into one batch, each job with its own answer', async () => {
    const before = worker.models()[0] ?? { jobs: Number.NaN, batches: Number.NaN };
    const held = await rig.order('hold', 0);
    await rig.isHeld();
    const ids = await Promise.all(Array.from({ length: 40 }, (_, value) => rig.order('answer', value)));
    rig.letGo();
    const jobs = await rig.allEnd(ids);
    jobs.forEach((job, value) =>
      expect(job).toMatchObject({ state: 'succeeded', resultJson: JSON.stringify({ doubled: 2 * value }) }),
    );
    await rig.reaches(held, 'succeeded');
    await until(() => worker.models()[0]?.jobs === before.jobs + 41);
    expect((worker.models()[0]?.batches ?? Number.NaN) - before.batches).toBeLessThan(20);
  });

  it('lets only the one job fail that the model throws at, with its message and no stack', async () => {
    const before = await Promise.all([1, 2, 3].map((value) => rig.order('answer', value)));
    const bad = await rig.order('throw', 7);
    const after = await Promise.all([4, 5].map((value) => rig.order('answer', value)));
    const failed = await rig.reaches(bad, 'failed');
    expect(failed).toMatchObject({
      attempts: 1,
      failure: { code: 'model_error', message: 'told to throw at 7' },
    });
    const others = await rig.allEnd([...before, ...after]);
    expect(others.map(({ state }) => state)).toEqual(Array(5).fill('succeeded'));
    expect(others.map(({ attempts }) => attempts)).toEqual(Array(5).fill(1));
  });

  it('finds the job that takes the process down, and blames no other', async () => {
    await rig.order('hold', 0);
    await rig.isHeld();
    const crashing = await rig.order('crash', 0, { maxAttempts: 2 });
    const others = await Promise.all([1, 2, 3, 4].map((value) => rig.order('answer', value)));
    rig.letGo();
    const failed = await rig.reaches(crashing, 'failed');
    expect(failed).toMatchObject({ attempts: 2, failure: { code: 'worker_lost' } });
    const ended = await rig.allEnd(others);
    expect(ended.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(4).fill('succeeded 1'));
    expect(rig.log.said('micro-batch failed, running its jobs one by one')).toBeDefined();
  });

  it('fails the row without a usable number, not its batch', async () => {
    await rig.order('hold', 0);
    await rig.isHeld();
    const ids = await Promise.all([
      rig.order('answer', 1),
      rig.order('nan', 0),
      rig.order('answer', 501),
      rig.order('answer', 2),
    ]);
    rig.letGo();
    const jobs = await rig.allEnd(ids);
    expect(jobs.map(({ state }) => state)).toEqual(['succeeded', 'failed', 'failed', 'succeeded']);
    expect(jobs[1]).toMatchObject({ attempts: 1, failure: { code: 'invalid_output' } });
    expect(jobs[2]).toMatchObject({ failure: { message: expect.stringContaining('above 1000') as string } });
  });

  it('drops an id that waits without a record, says so, and runs the others', async () => {
    await rig.redis.command(['ZADD', rig.records.key('queued:faulty:high'), '1', 'nobody']);
    await rig.reaches(await rig.order('answer', 2), 'succeeded');
    expect(rig.log.said('job dropped')).toMatchObject({ level: 'error', fields: { job_id: 'nobody' } });
    const left = await rig.redis.command(['HEXISTS', rig.records.key('holds'), 'nobody']);
    expect([left, await rig.redis.command(['ZCARD', rig.records.key('running')])]).toEqual([0, 0]);
  });
});
