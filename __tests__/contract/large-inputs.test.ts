import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepingLog } from '../support/keeping-log.js';
import { type Headers, useApiRig } from '../support/rigs/api-rig.js';
import { SHOP } from '../support/rigs/models-folder.js';

const LONG = 'x'.repeat(5_000);
/** Longer than the body of one job may be. */
const TOO_LONG = 'x'.repeat(70_000);
const INPUT = { size: LONG };

const api = useApiRig();
beforeAll(() => {
  const file = join(api.ctx.config.models.dir, SHOP, 'manifest.json');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('["s","m","l"]', JSON.stringify(['m', LONG, TOO_LONG])),
  );
  api.ctx.models.reload(keepingLog());
});

const submitted = async (headers: Headers = {}): Promise<string> =>
  (await api.submit({ model: SHOP, input: INPUT }, headers)).body.id;
const ask = (command: string, key: string) =>
  api.ctx.partitions.home.records.redis.command([command, api.ctx.partitions.home.records.key(key)]);
const lengthsOf = (id: string) =>
  Promise.all([`job:${id}`, `in:${id}`].map(async (key) => Number(await ask('STRLEN', key))));

// The first of a queue and those with a key are accepted by a script.
it.each([
  ['as the first of its queue', async () => submitted()],
  ['behind others', async () => [await submitted(), await submitted()].at(-1) ?? ''],
  ['with a key', async () => submitted({ 'Idempotency-Key': 'k' })],
])(
  'stands apart from the record of a job accepted %s, and is gone when that has succeeded',
  async (_, submit) => {
    const id = await submit();
    const [record = 0, apart = 0] = await lengthsOf(id);
    expect(record).toBeLessThan(500);
    expect(apart).toBe(JSON.stringify(INPUT).length);
    expect((await api.poll(id)).body.input).toEqual(INPUT);
    const { jobs } = (await api.call('get', '/jobs')).body;
    const listed = jobs.find((job: { id: string }) => job.id === id);
    expect(listed).toEqual({ ...(await api.poll(id)).body, input: undefined });
    const claimed = await api.worker.claim(id);
    expect(claimed.input).toEqual(INPUT);
    const run = { queue: SHOP, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
    await api.worker.leases.commit(run, [{ job: claimed, verdict: { ok: true, result: { price: 1 } } }]);
    expect((await lengthsOf(id))[1]).toBe(0);
    const { body } = await api.poll(id);
    expect(body).toMatchObject({ status: 'succeeded', result: { price: 1 } });
    expect(body).not.toHaveProperty('input');
  },
);

it.each([
  ['failed', (id: string) => api.worker.fail(id, 'model_error')],
  ['canceled', (id: string) => api.call('delete', `/jobs/${id}`)],
])('is kept with a %s job, which can be run again', async (state, end) => {
  const id = await submitted();
  await end(id);
  expect((await api.poll(id)).body).toMatchObject({ status: state, input: INPUT });
  // No longer than the record.
  const [record, apart] = await Promise.all([ask('PTTL', `job:${id}`), ask('PTTL', `in:${id}`)]);
  expect(Math.round(Number(record) / 10_000)).toBe(Math.round(Number(apart) / 10_000));
  const again = await api.call('post', `/jobs/${id}/replay`);
  expect([again.status, again.body.input, again.body.replay_of]).toEqual([202, INPUT, id]);
  expect((await api.worker.claim(again.body.id)).input).toEqual(INPUT);
});

it('is no larger of one of many jobs than of a single one', async () => {
  const jobs = [TOO_LONG, LONG].map((size) => ({ model: SHOP, input: { size } }));
  const { status, body } = await api.submit({ jobs });
  expect([status, body.jobs]).toMatchObject([
    202,
    [
      { status: 413, type: '/problems/body-too-large', detail: expect.stringContaining('65536 bytes') },
      { status: 'queued', input: INPUT },
    ],
  ]);
});
