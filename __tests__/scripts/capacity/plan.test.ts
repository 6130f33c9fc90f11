import { costOf, type Cost, type Costs } from '../../../scripts/capacity/costs.js';
import { type Demand, TARGET_UTILISATION, USUAL } from '../../../scripts/capacity/demand.js';
import { type Plan, planFor } from '../../../scripts/capacity/plan.js';

const NOTHING = costOf(() => 0);
const cost = (some: Partial<Cost>): Cost => ({ ...NOTHING, ...some });

/** Costs that are easy to reckon with. */
const costs: Costs = {
  submit: cost({ apiUs: 100, redisUs: 20, redisCommands: 10, networkBytes: 1_000, appendedBytes: 500 }),
  poll: cost({ apiUs: 50, redisUs: 10, redisCommands: 1, networkBytes: 500 }),
  run: cost({ workerUs: 80, inferenceUs: 20, redisUs: 40, redisCommands: 12, appendedBytes: 500 }),
  wait: cost({ apiUs: 120, workerUs: 90, inferenceUs: 30, redisUs: 60, redisCommands: 20 }),
  thousandRows: cost({ apiUs: 3_000, workerUs: 400, inferenceUs: 600, redisUs: 200, redisCommands: 30 }),
  kept: { queuedJob: 1_000, endedJob: 800, waitingRow: 12, endedRow: 4 },
  resident: { api: 100, worker: 90, inference: 110 },
  predictMs: 1,
  inputBytes: 60,
};

const plan = (demand: Partial<Demand>): Plan =>
  planFor({ ...USUAL, jobsPerSecond: 0, rowsPerSecond: 0, ...demand }, costs);
const limit = ({ limits }: Plan, name: string) => limits.find(({ what }) => what === name);

it('needs one of each and reaches no limit without jobs and rows', () => {
  expect(plan({})).toMatchObject({
    api: { processes: 1, busyCores: 0 },
    worker: { processes: 1, busyCores: 0 },
    redis: { masters: 1, replicas: 0, busyCores: 0, resultsMb: 0, backlogMb: 0 },
    limits: [],
    refusesAfterSeconds: null,
  });
});

it('adds up submit, polls and run, each as often as they happen', () => {
  const { api, worker, redis } = plan({ jobsPerSecond: 1_000, results: { polls: 3 } });
  expect(api.busyCores).toBeCloseTo(1_000 * (100 + 3 * 50) * 1e-6);
  expect(worker.busyCores).toBeCloseTo(0.08);
  expect(worker.inferenceCores).toBeCloseTo(0.02);
  expect(redis.busyCores).toBeCloseTo(1_000 * (20 + 3 * 10 + 40) * 1e-6);
  expect(redis.commandsPerSecond).toBeCloseTo(1_000 * (10 + 3 + 12));
  expect(redis.appendedMbPerSecond).toBeCloseTo(1);
});

it('takes the cost of the whole life where clients wait', () => {
  const { api, worker, redis } = plan({ jobsPerSecond: 1_000, results: 'wait' });
  expect([api.busyCores, worker.busyCores, redis.busyCores]).toEqual([0.12, 0.09, 0.06]);
});

it('starts another process only above the target', () => {
  const full = (TARGET_UTILISATION * 1e6) / 120;
  expect(plan({ jobsPerSecond: full, results: 'wait' }).api.processes).toBe(1);
  expect(plan({ jobsPerSecond: full * 1.001, results: 'wait' }).api.processes).toBe(2);
  expect(plan({ jobsPerSecond: full * 3, results: 'wait' }).api).toMatchObject({
    processes: 3,
    memoryMb: 300,
  });
});

it('plans for rows alone', () => {
  const { api, worker, redis, refusesAfterSeconds } = plan({
    rowsPerSecond: 100_000,
    resultTtlMs: 3_600_000,
  });
  expect([api.busyCores, api.processes]).toEqual([0.3, 1]);
  expect([worker.busyCores, worker.inferenceCores, worker.boundBy]).toEqual([0.04, 0.06, 'inference']);
  expect(redis.resultsMb).toBeCloseTo((100_000 * 3_600 * 4) / 1e6);
  expect(redis.backlogMb).toBeCloseTo((100_000 * 60 * 12) / 1e6);
  expect(refusesAfterSeconds).toBeCloseTo((100_000 * 4_096) / 100_000);
});

it('is bound by a slow model: micro-batches one after the other', () => {
  const { worker } = plan({ jobsPerSecond: 1_000, predictMs: 100, maxBatch: 10 });
  // One worker runs 10 jobs in 100 ms, and is planned to be busy 60 %.
  expect(worker).toMatchObject({
    boundBy: 'model',
    jobsPerSecondEach: 60,
    inferenceCores: 10,
    processes: 17,
  });
  expect(plan({ jobsPerSecond: 1_000, predictMs: 100, maxBatch: 100 }).worker.processes).toBe(2);
});

it('is bound by its own CPU with a fast one', () => {
  const { worker } = plan({ jobsPerSecond: 15_000, predictMs: 0.001, maxBatch: 64 });
  expect(worker).toMatchObject({ boundBy: 'worker', processes: 2, jobsPerSecondEach: 7_500 });
});

it('spreads what one Redis cannot run over masters, and tells every API of each micro-batch', () => {
  const demand = { jobsPerSecond: 40_000, results: 'wait', resultTtlMs: 1_000 } as const;
  const { redis, api, worker, limits } = plan(demand);
  expect([api.processes, worker.processes]).toEqual([8, 6]);
  expect(redis.messageCores).toBeCloseTo((40_000 / 64) * (2 * 7 + 7) * 5.3e-6);
  expect(redis.busyCores).toBeCloseTo(2.4 + redis.messageCores);
  expect(redis.masters).toBe(5);
  const reached = limits.find(({ what }) => what === 'Redis CPU');
  expect(reached?.change).toContain('PARTITIONS');
  // At the limit, its part of the jobs and, of those and their APIs, its part of the messages fill one Redis.
  const times = reached?.atTimes ?? 0;
  expect(times * 2.4 + times ** 2 * redis.messageCores).toBeCloseTo(TARGET_UTILISATION);
  expect(limit(plan(demand), 'partitions')?.atTimes).toBeGreaterThan(1);
  expect(limit(plan({ ...demand, jobsPerSecond: 1_000_000 }), 'partitions')?.atTimes).toBeLessThan(1);
});

it('adds what replicas cost their master, and what waiting for them costs', () => {
  const demand = { jobsPerSecond: 100_000, results: { polls: 0 }, resultTtlMs: 1_000 };
  const [alone, copied, acked] = [{}, { replicas: 2 }, { replicas: 2, acks: 1 }].map((more) =>
    plan({ ...demand, ...more }),
  ) as [Plan, Plan, Plan];
  // A job appends a kilobyte.
  expect(copied.redis.busyCores - alone.redis.busyCores).toBeCloseTo(100_000 * 2 * 4.1e-6);
  expect(copied.redis.networkMbPerSecond - alone.redis.networkMbPerSecond).toBeCloseTo(200);
  expect(copied.redis.replicas).toBe(2 * copied.redis.masters);
  expect(acked.api.busyCores - copied.api.busyCores).toBeCloseTo(100_000 * 2.3e-6);
  expect(acked.redis.busyCores).toBeGreaterThan(copied.redis.busyCores);
});

it('is out of memory where results are kept for longer than Redis has room', () => {
  const demand = { jobsPerSecond: 1_000, redisMemoryMb: 1_000 };
  const first = plan({ ...demand, resultTtlMs: 86_400_000 });
  // A day of 1,000 jobs a second at 800 bytes each.
  expect(first.redis.resultsMb).toBeCloseTo(69_120);
  expect(first.limits[0]).toMatchObject({
    what: 'Redis memory',
    change: expect.stringContaining('RESULT_TTL_MS'),
  });
  expect(first.limits[0]?.atTimes).toBeCloseTo(1_000 / (69_120 + 60));
  expect(limit(plan({ ...demand, resultTtlMs: 1_140_000 }), 'Redis memory')?.atTimes).toBeGreaterThan(1);
});

it('adds the bytes of a larger input to every record', () => {
  const small = plan({ jobsPerSecond: 1, resultTtlMs: 1_000_000, inputBytes: 60 });
  const large = plan({ jobsPerSecond: 1, resultTtlMs: 1_000_000, inputBytes: 10_060 });
  expect(small.redis).toEqual(plan({ jobsPerSecond: 1, resultTtlMs: 1_000_000 }).redis);
  expect(large.redis.resultsMb - small.redis.resultsMb).toBeCloseTo(10);
});

it('says how long the queue holds, and how deep it has to be', () => {
  const short = plan({ jobsPerSecond: 5_000 });
  expect(short.refusesAfterSeconds).toBe(20);
  expect(limit(short, 'queue depth')).toMatchObject({ atTimes: 1 / 3, change: 'MAX_QUEUE_DEPTH' });
  // What the queue refuses takes no memory.
  expect(short.redis.backlogMb).toBeCloseTo(100);
  expect(limit(plan({ jobsPerSecond: 5_000, maxQueueDepth: 300_000 }), 'queue depth')?.atTimes).toBe(1);
});

it('puts what breaks first first', () => {
  const times = plan({ jobsPerSecond: 1_234, rowsPerSecond: 777 }).limits.map(({ atTimes }) => atTimes);
  expect(times).toHaveLength(4);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
});
