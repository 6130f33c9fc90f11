import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();

const answers = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, value) => rig.order('answer', value)));
const number = async (...command: string[]): Promise<number> => Number(await rig.redis.command(command));

it('finds jobs whose calls were lost within about a second', async () => {
  const ids = await answers(10);
  await rig.loseCalls('faulty');
  await rig.start();
  const startMs = rig.redis.nowMs();
  for (const job of await rig.allEnd(ids)) {
    expect(job).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect('startedMs' in job && (job.startedMs ?? 0) - startMs).toBeLessThan(5_000);
  }
});

it('has an idle neighbour called while it is busy and more wait than it took', async () => {
  const [held, mate, ...others] = [await rig.order('hold', 0), ...(await answers(9))];
  await rig.loseCalls('faulty');
  // One call is left: that of this job.
  others.push(await rig.order('answer', 9));
  const calls = () => number('GET', rig.records.key('calls'));
  const before = await calls();
  await Promise.all([rig.start({ maxBatch: 2 }), rig.start({ maxBatch: 2 })]);
  await rig.isHeld();
  expect(await calls()).toBeGreaterThan(before);
  await rig.allEnd(others);
  expect((await rig.find(held))?.state).toBe('running');
  rig.letGo();
  await rig.allEnd([held, mate ?? '']);
});

it('starts a delayed job soon after it falls due, also when others come meanwhile', async () => {
  await rig.start();
  const first = await rig.order('answer', 1, { delayMs: 50 });
  await rig.order('hold', 0);
  await rig.isHeld();
  const second = await rig.order('answer', 2, { delayMs: 50 });
  const third = await rig.order('answer', 3, { delayMs: 300 });
  await rig.order('answer', 4);
  rig.letGo();
  // Nobody sweeps here: only the worker itself knows when they fall due.
  for (const [id, delayMs] of [
    [first, 50],
    [second, 50],
    [third, 300],
  ] as const) {
    const { startedMs = 0, createdMs } = await rig.reaches(id, 'succeeded');
    expect(startedMs - createdMs).toBeGreaterThanOrEqual(delayMs);
  }
});

it('keeps at most 64 calls and nothing else of jobs that come and are canceled without a worker', async () => {
  for (let value = 0; value < 300; value += 1) {
    expect(await rig.store.cancel(await rig.order('answer', value), undefined)).toBe('canceled');
  }
  expect(await number('LLEN', rig.records.key('bq:faulty:waiting'))).toBeLessThanOrEqual(64);
  expect(await number('HLEN', rig.records.key('bq:faulty:jobs'))).toBeLessThanOrEqual(64);
  const keys = (await rig.redis.command(['KEYS', `${rig.records.key('')}*`])) as string[];
  const names = keys.map((key) => key.slice(rig.records.key('').length)).toSorted();
  const records = names.filter((name) => name.startsWith('job:'));
  expect(records).toHaveLength(300);
  expect(names.filter((name) => !name.startsWith('job:') && !name.startsWith('minute:'))).toEqual([
    'bq:faulty:jobs',
    'bq:faulty:waiting',
    'calls',
    'counts',
    'ends',
    'index:canceled:=:faulty',
  ]);
});
