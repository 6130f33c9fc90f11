import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { keepingLog } from '../support/keeping-log.js';
import { type ApiRig, type Headers, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { SHOP } from '../support/rigs/models-folder.js';

const LONG = 'x'.repeat(5_000);
/** Longer than the body of one job may be. */
const TOO_LONG = 'x'.repeat(70_000);
const INPUT = { size: LONG };

/** The input in the job itself, and what the link to it is answered with. */
async function inputOf(id: string, rig = api) {
  const { input, links } = (await rig.poll(id)).body;
  const answer = await rig.call('get', links.input);
  return [input, answer.status, answer.body];
}
async function expectGone(id: string, rig = api) {
  const { body } = await rig.poll(id);
  expect([body.input, body.links.input]).toEqual([undefined, undefined]);
  const answer = await rig.call('get', `/jobs/${id}/input`);
  expect([answer.status, answer.body.type]).toEqual([410, '/problems/input-not-kept']);
}

/** Has the model take long words. */
function widen({ ctx: { config, models } }: ApiRig): void {
  const file = join(config.models.dir, SHOP, 'manifest.json');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('["s","m","l"]', JSON.stringify(['m', LONG, TOO_LONG])),
  );
  models.reload(keepingLog());
}

const api = useApiRig();
beforeAll(() => widen(api));

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
    expect(await inputOf(id)).toEqual([undefined, 200, INPUT]);
    const { jobs } = (await api.call('get', '/jobs')).body;
    expect(jobs.find((job: { id: string }) => job.id === id)).toEqual((await api.poll(id)).body);
    const claimed = await api.worker.claim(id);
    expect(claimed.input).toEqual(INPUT);
    const run = { queue: SHOP, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
    await api.worker.leases.commit(run, [{ job: claimed, verdict: { ok: true, result: { price: 1 } } }]);
    expect((await lengthsOf(id))[1]).toBe(0);
    expect((await api.poll(id)).body).toMatchObject({ status: 'succeeded', result: { price: 1 } });
    await expectGone(id);
  },
);

it.each([
  ['failed', (id: string) => api.worker.fail(id, 'model_error')],
  ['canceled', (id: string) => api.call('delete', `/jobs/${id}`)],
])('is kept with a %s job, which can be run again', async (state, end) => {
  const id = await submitted();
  await end(id);
  expect((await api.poll(id)).body.status).toBe(state);
  expect(await inputOf(id)).toEqual([undefined, 200, INPUT]);
  // No longer than the record.
  const [record, apart] = await Promise.all([ask('PTTL', `job:${id}`), ask('PTTL', `in:${id}`)]);
  expect(Math.round(Number(record) / 10_000)).toBe(Math.round(Number(apart) / 10_000));
  const again = await api.call('post', `/jobs/${id}/replay`);
  expect([again.status, again.body.replay_of]).toEqual([202, id]);
  expect(await inputOf(again.body.id)).toEqual([undefined, 200, INPUT]);
  expect((await api.worker.claim(again.body.id)).input).toEqual(INPUT);
});

it('is no larger of one of many jobs than of a single one', async () => {
  const jobs = [TOO_LONG, LONG].map((size) => ({ model: SHOP, input: { size } }));
  const { status, body } = await api.submit({ jobs });
  expect([status, body.jobs]).toMatchObject([
    202,
    [
      { status: 413, type: '/problems/body-too-large', detail: expect.stringContaining('65536 bytes') },
      { status: 'queued', links: { input: expect.any(String) } },
    ],
  ]);
  expect(await inputOf(body.jobs[1].id)).toEqual([undefined, 200, INPUT]);
});

it('is read of a small one, too, and of nobody else', async () => {
  const { body } = await api.submit({ model: SHOP, input: { size: 'm' } });
  expect(body).toMatchObject({ input: { size: 'm' } });
  expect(body.links).not.toHaveProperty('input');
  expect((await api.call('get', `/jobs/${body.id}/input`)).body).toEqual({ size: 'm' });
  expect((await api.call('get', `/jobs/${uuidv7()}/input`)).status).toBe(404);
});

describe('kept always', () => {
  const own = useApiRig({ env: { KEEP_INPUT: 'always' } });
  beforeAll(() => widen(own));

  it('outlives its job, no longer than the record', async () => {
    const { id } = (await own.submit({ model: SHOP, input: INPUT })).body;
    await own.worker.succeed(id, { price: 1 });
    expect(await inputOf(id, own)).toEqual([undefined, 200, INPUT]);
    const name = own.ctx.partitions.home.records.key(`in:${id}`);
    expect(Number(await own.ctx.partitions.home.records.redis.command(['PTTL', name]))).toBeGreaterThan(0);
  });
});

describe('kept never', () => {
  const own = useApiRig({ env: { KEEP_INPUT: 'never' } });

  it.each([
    ['succeeded', (id: string) => own.worker.succeed(id)],
    ['failed', (id: string) => own.worker.fail(id, 'model_error')],
    ['canceled', (id: string) => own.call('delete', `/jobs/${id}`)],
  ])('is there until its job is %s, of whatever size it is', async (state, end) => {
    const { id } = (await own.submit({ input: TRIP })).body;
    expect(await inputOf(id, own)).toEqual([undefined, 200, TRIP]);
    await end(id);
    expect((await own.poll(id)).body.status).toBe(state);
    await expectGone(id, own);
    expect(
      await own.ctx.partitions.home.records.redis.command([
        'KEYS',
        own.ctx.partitions.home.records.key('in:*'),
      ]),
    ).toEqual([]);
    if (state === 'succeeded') return;
    const again = await own.call('post', `/jobs/${id}/replay`);
    expect([again.status, again.body.type]).toEqual([409, '/problems/input-gone']);
  });
});
