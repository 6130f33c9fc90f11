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
