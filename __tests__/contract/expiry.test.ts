import { until } from '../support/latch.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';

const api = useApiRig({ env: { RESULT_TTL_MS: '1000' } });

/** That nothing has removed the record. */
const isInRedis = async (key: string): Promise<boolean> =>
  (await api.ctx.partitions.home.records.redis.command([
    'EXISTS',
    api.ctx.partitions.home.records.key(key),
  ])) === 1;

// No sweeper runs here.
it('a job is gone when its time is over, though its record is still there', async () => {
  const { id } = (await api.submit({ input: TRIP, request_id: 'r' }, { 'Idempotency-Key': 'k' })).body;
  await api.worker.fail(id, 'model_error');
  const expires = Date.parse((await api.poll(id)).body.expires_at);
  await until(async () => (await api.poll(id)).status !== 200, { what: 'the end of its time' });
  expect(api.ctx.partitions.home.records.redis.nowMs()).toBeGreaterThanOrEqual(expires - 1);
  for (const [method, path] of [
    ['get', `/jobs/${id}`],
    ['get', `/jobs/${id}/events`],
    ['delete', `/jobs/${id}`],
    ['post', `/jobs/${id}/replay`],
  ] as const) {
    const { status, body } = await api.call(method, path);
    expect([path, status, body.type]).toEqual([path, 410, '/problems/job-gone']);
  }
  for (const query of ['', '?status=failed', '?request_id=r']) {
    expect((await api.call('get', `/jobs${query}`)).body.jobs).toEqual([]);
  }
  expect(await isInRedis(`job:${id}`)).toBe(true);
  // Its key is free.
  const again = await api.submit({ input: TRIP, request_id: 'r' }, { 'Idempotency-Key': 'k' });
  expect(again.status).toBe(202);
  expect(again.body.id).not.toBe(id);
});

it('a batch is gone when its time is over, though its record is still there', async () => {
  const { id } = (await api.call('post', '/batches', { body: { inputs: [TRIP] } })).body;
  await api.call('delete', `/batches/${id}`);
  await until(async () => (await api.call('get', `/batches/${id}`)).status !== 200);
  for (const [method, path] of [
    ['get', `/batches/${id}`],
    ['get', `/batches/${id}/results`],
    ['delete', `/batches/${id}`],
  ] as const) {
    const { status, body } = await api.call(method, path);
    expect([path, status, body.type]).toEqual([path, 410, '/problems/batch-gone']);
  }
  expect((await api.call('get', '/batches')).body.batches).toEqual([]);
  expect(await isInRedis(`batch:${id}`)).toBe(true);
});
