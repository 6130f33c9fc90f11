import { openApiRig, TRIP } from '../support/rigs/api-rig.js';
import { useRedis } from '../support/rigs/use-redis.js';

const server = useRedis();
const SUBMIT = { input: TRIP };
const TWO = { PARTITIONS: '2' };

it('tries another partition where a queue is full, and estimates the place of a job', async () => {
  const api = await openApiRig(server, { env: { ...TWO, MAX_QUEUE_DEPTH: '2' } });
  try {
    const { partitions } = api.ctx;
    const first = await api.submit(SUBMIT, { 'Idempotency-Key': 'k' });
    const full = partitions.of(first.body.id);
    // The next job without a key has its turn in the partition that is full.
    for (let tries = 0; tries < 2 && partitions.another() === full; tries += 1);
    const second = await api.submit(SUBMIT);
    expect(second.status).toBe(202);
    expect(partitions.of(second.body.id)).not.toBe(full);
    expect((await api.poll(second.body.id)).body.queue).toMatchObject({ position: 1, is_estimate: true });
    expect((await api.submit(SUBMIT)).body).toMatchObject({ type: '/problems/queue-full' });
  } finally {
    await api.close();
  }
});

it('counts a caller in one partition, whichever takes the jobs', async () => {
  const api = await openApiRig(server, { env: { ...TWO, RATE_LIMIT: '3/60' } });
  try {
    const statuses: number[] = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await api.submit(SUBMIT)).status);
    expect(statuses).toEqual([202, 202, 202, 429]);
  } finally {
    await api.close();
  }
});

it('counts the callers of a partition that is away in another, and all others where they were', async () => {
  const names = ['ann', 'bob', 'cleo', 'dan', 'eve', 'finn', 'gus', 'hal', 'ida', 'jon'];
  const keys = names.map((name) => `${name}:${name}-secret`).join(',');
  const api = await openApiRig(server, { env: { PARTITIONS: '3', RATE_LIMIT: '2/60', API_KEYS: keys } });
  try {
    const { all } = api.ctx.partitions;
    const redis = await server.client();
    const submit = async (name: string): Promise<number> =>
      (await api.submit(SUBMIT, { Authorization: `Bearer ${name}-secret` })).status;
    const countedIn = async (name: string): Promise<number[]> => {
      const key = `limit:submits:key:${name}`;
      const counts = await Promise.all(all.map(({ records }) => redis.command(['EXISTS', records.key(key)])));
      return counts.flatMap((count, index) => (count === 1 ? [index] : []));
    };
    for (const name of names) expect(await submit(name)).toBe(202);
    const homes = await Promise.all(names.map(countedIn));
    expect(new Set(homes.map(String))).toEqual(new Set(['0', '1', '2']));

    await all[1]?.records.redis.close();
    for (const [at, name] of names.entries()) {
      const hasMoved = homes[at]?.[0] === 1;
      const statuses = [await submit(name), await submit(name), await submit(name)];
      expect([name, statuses]).toEqual([name, hasMoved ? [202, 202, 429] : [202, 429, 429]]);
      expect(await countedIn(name)).toHaveLength(hasMoved ? 2 : 1);
    }
  } finally {
    await api.close();
  }
});
