import type { JobBody } from '../../shared/contract/job.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const api = useApiRig({ keep: true });
const ids: Record<'queued' | 'running' | 'succeeded' | 'failed' | 'canceled' | 'shop', string> = {
  queued: '',
  running: '',
  succeeded: '',
  failed: '',
  canceled: '',
  shop: '',
};

beforeAll(async () => {
  for (const name of ['succeeded', 'failed', 'canceled', 'running', 'queued'] as const) {
    ids[name] = (await api.submit({ input: TRIP, request_id: `r-${name}` })).body.id;
  }
  ids.shop = (await api.submit({ model: SHOP, input: { size: 's' } })).body.id;
  await api.worker.succeed(ids.succeeded);
  await api.worker.fail(ids.failed, 'model_error');
  await api.call('delete', `/jobs/${ids.canceled}`);
  await api.worker.claim(ids.running);
});

const list = (query: string) => api.call('get', `/jobs${query}`);
const idsOf = async (query: string): Promise<string[]> =>
  (await list(query)).body.jobs.map(({ id }: { id: string }) => id);

it('lists every job, newest first', async () => {
  const { status, body } = await list('');
  expect(status).toBe(200);
  expect(body.jobs.map(({ id }: { id: string }) => id)).toEqual([
    ids.shop,
    ids.queued,
    ids.running,
    ids.canceled,
    ids.failed,
    ids.succeeded,
  ]);
  expect(body.next_cursor).toBeNull();
});

it('shows each job as a poll shows it', async () => {
  const { body } = await list('?status=queued');
  // The estimate follows the rate of completions, which is measured again twice a second.
  const withoutEta = ({ queue, ...job }: JobBody) => ({ ...job, queue: { ...queue, eta_ms: undefined } });
  for (const job of body.jobs) {
    expect(withoutEta(job)).toEqual(withoutEta((await api.poll(job.id)).body as JobBody));
  }
});

it('filters by state, by several states, by model and by request id', async () => {
  expect(await idsOf('?status=failed')).toEqual([ids.failed]);
  expect(await idsOf('?status=queued&status=running')).toEqual([ids.shop, ids.queued, ids.running]);
  expect(await idsOf('?status=succeeded&status=canceled')).toEqual([ids.canceled, ids.succeeded]);
  expect(await idsOf(`?model=${SHOP}`)).toEqual([ids.shop]);
  expect(await idsOf(`?model=${LINEAR}&status=queued`)).toEqual([ids.queued]);
  expect(await idsOf('?request_id=r-failed')).toEqual([ids.failed]);
  expect(await idsOf('?model=nobody')).toEqual([]);
});

it('gives pages that follow each other without gap or overlap', async () => {
  const seen: string[] = [];
  let cursor = '';
  for (let pages = 0; pages < 10; pages += 1) {
    const { body } = await list(`?limit=2${cursor}`);
    expect(body.jobs.length).toBeLessThanOrEqual(2);
    seen.push(...body.jobs.map(({ id }: { id: string }) => id));
    if (body.next_cursor === null) break;
    cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
  expect(seen).toEqual(await idsOf(''));
});

it.each([
  ['?limit=0', 'limit'],
  ['?limit=201', 'limit'],
  ['?limit=ten', 'limit'],
  ['?limit=1&limit=2', 'limit'],
  ['?status=done', 'status'],
  ['?cursor=xyz', 'cursor'],
  ['?model=', 'model'],
  ['?state=failed', 'state'],
])('answers 422 to %s and names the parameter', async (query, parameter) => {
  const { status, body } = await list(query);
  expect([status, body.errors]).toEqual([422, [{ parameter, detail: expect.any(String) }]]);
});

it('names all bad parameters at once', async () => {
  const { body } = await list('?limit=0&status=done&sort=asc');
  expect(body.errors.map(({ parameter }: { parameter: string }) => parameter).toSorted()).toEqual([
    'limit',
    'sort',
    'status',
  ]);
});

it('takes 1 and 200 as limits', async () => {
  expect((await list('?limit=1')).body.jobs).toHaveLength(1);
  expect((await list('?limit=200')).body.jobs).toHaveLength(6);
});

it('finds a request id of any characters, as long as one may be', async () => {
  const request_id = '🚕&=#%'.repeat(40);
  const { body } = await api.submit({ input: TRIP, request_id });
  expect(await idsOf(`?request_id=${encodeURIComponent(request_id)}`)).toEqual([body.id]);
  expect((await list(`?request_id=${encodeURIComponent(`${request_id}x`)}`)).status).toBe(422);
});
