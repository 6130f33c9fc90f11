import { changeRecord } from '../support/change-record.js';
import { newClaim } from '../support/rigs/job-rig.js';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { SweepStore } from '../../shared/jobs/sweep-store.js';
import { keepingLog } from '../support/keeping-log.js';
import { type Headers, openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const api = useApiRig();

const replay = (id: string, headers: Headers = {}) => api.call('post', `/jobs/${id}/replay`, { headers });
const submitted = async (more: object = {}): Promise<string> =>
  (await api.submit({ input: TRIP, ...more })).body.id;
const failed = async (more: object = {}): Promise<string> => {
  const id = await submitted(more);
  await api.worker.fail(id, 'model_error');
  return id;
};

it('runs a failed job again as a new one of the same kind: 202, and the old one stays', async () => {
  const id = await failed({ request_id: 'r-1', timeout_ms: 1_234, max_attempts: 7 });
  const before = (await api.poll(id)).body;
  const { status, body, headers } = await replay(id);
  expect(status).toBe(202);
  expect(body).toMatchObject({
    status: 'queued',
    model: LINEAR,
    input: TRIP,
    request_id: 'r-1',
    replay_of: id,
    attempts: 0,
    queue: { position: 1 },
  });
  expect(body.id).not.toBe(id);
  expect(headers).toMatchObject({
    location: `/jobs/${body.id}`,
    'retry-after': expect.stringMatching(/^[1-9]\d*$/),
    'cache-control': 'no-store',
  });
  expect(headers).not.toHaveProperty('idempotency-replayed');
  expect(await api.ctx.partitions.home.jobs.find(body.id)).toMatchObject({
    timeoutMs: 1_234,
    maxAttempts: 7,
  });
  expect((await api.poll(body.id)).body.replay_of).toBe(id);
  await api.worker.succeed(body.id);
  expect((await api.poll(body.id)).body).toMatchObject({ status: 'succeeded', replay_of: id });
  expect((await api.poll(id)).body).toEqual(before);
});

it('puts the new job where a worker finds it', async () => {
  const { body } = await replay(await failed());
  const { records } = api.ctx.partitions.home;
  const lane = records.key(`queued:${LINEAR}:normal`);
  expect(await records.redis.command(['ZRANK', lane, body.id])).not.toBeNull();
});

it('runs an expired and a canceled job again, without a deadline in the queue', async () => {
  const expired = await submitted({ expires_in_ms: 1 });
  await expect(api.worker.claim(expired)).rejects.toThrow('cannot be claimed');
  const canceled = await submitted({ expires_in_ms: 60_000 });
  await api.call('delete', `/jobs/${canceled}`);
  expect([(await api.poll(expired)).body.status, (await api.poll(canceled)).body.status]).toEqual([
    'expired',
    'canceled',
  ]);
  for (const id of [expired, canceled]) {
    const { status, body } = await replay(id);
    expect([status, body.replay_of]).toEqual([202, id]);
    expect(body).not.toHaveProperty('queue_expires_at');
  }
});

it('runs a replay again that failed, too', async () => {
  const again = (await replay(await failed())).body.id;
  await api.worker.fail(again, 'timeout');
  expect((await replay(again)).body.replay_of).toBe(again);
});

it.each(['queued', 'running', 'canceling', 'succeeded'])('answers 409 to a job that is %s', async (state) => {
  const id = await submitted();
  if (state === 'succeeded') await api.worker.succeed(id);
  else if (state !== 'queued') await api.worker.claim(id);
  if (state === 'canceling') await api.call('delete', `/jobs/${id}`);
  const { status, body } = await replay(id);
  expect([status, body.type]).toEqual([409, '/problems/job-not-replayable']);
  expect(body.detail).toContain(state);
});

it('lists what was lost with its worker in its only attempt among the failed ones, and runs it again', async () => {
  const id = await submitted({ max_attempts: 1, request_id: 'lost' });
  await api.worker.leases.claim(newClaim({ queue: LINEAR, most: 1 }), 0);
  await new SweepStore(api.ctx.partitions.home.records).reap(10);
  const { body } = await api.call('get', '/jobs?status=failed&request_id=lost');
  expect(body.jobs).toMatchObject([{ id, attempts: 1, error: { code: 'worker_lost' } }]);
  const again = (await replay(id)).body.id;
  await api.worker.succeed(again);
  expect((await api.poll(again)).body).toMatchObject({ status: 'succeeded', attempts: 1, replay_of: id });
  const failedOnes = (await api.call('get', '/jobs?status=failed&limit=200')).body.jobs;
  expect(failedOnes.map((job: { id: string }) => job.id)).toContain(id);
});

it('answers 404 and 410 as a poll does, and 503 to a record of another version', async () => {
  expect((await replay('x')).status).toBe(404);
  expect((await replay(uuidv7())).status).toBe(404);
  expect((await replay(uuidv7({ msecs: 1_000 }))).status).toBe(410);
  const id = await failed();
  await changeRecord(api.ctx.partitions.home.records, id, (text) => `9${text.slice(1)}`);
  const { status, body } = await replay(id);
  expect([status, body.type]).toEqual([503, '/problems/record-unreadable']);
});

it('makes one job of a repeated Idempotency-Key, and keeps it apart from other requests', async () => {
  const [id, other] = [await failed(), await failed()];
  const key = { 'Idempotency-Key': 'again' };
  const all = await Promise.all(Array.from({ length: 10 }, () => replay(id, key)));
  expect(new Set(all.map(({ body }) => body.id)).size).toBe(1);
  expect(all.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
  await api.worker.succeed(all[0]?.body.id);
  expect((await replay(id, key)).body).toMatchObject({ status: 'succeeded', replay_of: id });
  for (const refused of [await replay(other, key), await api.submit({ input: TRIP }, key)]) {
    expect([refused.status, refused.body.type]).toEqual([422, '/problems/idempotency-key-reused']);
  }
  expect((await replay(id, { 'Idempotency-Key': '' })).status).toBe(400);
});

it("gives the new job to the old one's owner", async () => {
  const id = uuidv7();
  const { intake, jobs } = api.ctx.partitions.home;
  const common = { model: LINEAR, timeoutMs: 1, maxAttempts: 1, resultTtlMs: 60_000, queueTtlMs: 60_000 };
  await intake.create({ ...common, id, owner: 'ann', input: TRIP }, 1_000);
  await jobs.cancel(id, 'ann');
  const { body } = await replay(id);
  expect(await jobs.find(body.id)).toMatchObject({ owner: 'ann', replayOf: id });
});

it('refuses what cannot be taken now, as a submission is refused', async () => {
  const full = await openApiRig(api.server, { env: { MAX_QUEUE_DEPTH: '1' } });
  const { id } = (await full.submit({ input: TRIP })).body;
  await full.worker.fail(id, 'model_error');
  await full.submit({ input: TRIP });
  const again = () => full.call('post', `/jobs/${id}/replay`);
  const refused = await again();
  expect([refused.status, refused.body.type]).toEqual([503, '/problems/queue-full']);
  full.drain();
  const draining = await again();
  expect([draining.status, draining.body.type]).toEqual([503, '/problems/draining']);
  await full.close();
});

describe('when the model has changed', () => {
  it('answers 422 where the input does not fit any more, and 404 where the model is gone', async () => {
    const own = await openApiRig(api.server);
    const { id } = (await own.submit({ model: SHOP, input: { size: 's' } })).body;
    await own.call('delete', `/jobs/${id}`);
    const { dir } = own.ctx.config.models;
    const file = join(dir, SHOP, 'manifest.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('["s","m","l"]', '["m","l"]'));
    own.ctx.models.reload(keepingLog());
    const again = () => own.call('post', `/jobs/${id}/replay`);
    const misfit = await again();
    expect([misfit.status, misfit.body.type]).toEqual([422, '/problems/validation-failed']);
    expect(misfit.body.errors).toMatchObject([{ pointer: '#/input/size' }]);
    rmSync(join(dir, SHOP), { recursive: true });
    own.ctx.models.reload(keepingLog());
    const gone = await again();
    expect([gone.status, gone.body.type]).toEqual([404, '/problems/model-not-found']);
    await own.close();
  });
});
