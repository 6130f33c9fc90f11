import type { Response } from 'supertest';
import { until } from '../support/latch.js';
import { type ApiRig, type ApiRigOptions, type Headers, TRIP, useApiRigs } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const API_KEYS = 'ann:secret-of-ann-0123456,bob:secret-of-bob-0123456';
type Name = 'ann' | 'bob';
const as = (name: Name, more: Headers = {}): Headers => ({
  Authorization: `Bearer secret-of-${name}-0123456`,
  ...more,
});

const ROOMS = {
  /** Two callers of half of everything each. */
  shared: {
    env: { API_KEYS, MAX_QUEUE_DEPTH: '8', CHUNK_ROWS: '1' },
    limits: { roomMs: 300, streams: 6, waits: 6 },
  },
  /** A small queue, in which uploads wait for room as long as it takes. */
  patient: { env: { API_KEYS, MAX_QUEUE_DEPTH: '4', CHUNK_ROWS: '1' }, limits: { roomMs: 30_000 } },
  /** Callers are not told apart. */
  open: { env: { MAX_QUEUE_DEPTH: '4', CHUNK_ROWS: '1' }, limits: { roomMs: 300 } },
} satisfies Record<string, ApiRigOptions>;

const open = useApiRigs();
let api: ApiRig;

const times = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));
const statusesOf = (answers: readonly Response[]): number[] =>
  answers.map(({ status }) => status).toSorted((a, b) => a - b);
const upload = (name: Name, rows: number, query = '', headers: Headers = {}): Promise<Response> =>
  api.call('post', `/batches?model=${LINEAR}${query}`, {
    body: { inputs: Array.from({ length: rows }, () => TRIP) },
    headers: as(name, headers),
  });
const batchesOf = async (name: Name): Promise<{ id: string; status: string; rows: { total: number } }[]> =>
  (await api.call('get', '/batches', { headers: as(name) })).body.batches;

/** That it was refused for what its caller has already, and is told when to come again. */
function expectShareIsFull(answer: Response | undefined, type = 'too-many-waiting'): void {
  expect([answer?.status, answer?.body.type]).toEqual([429, `/problems/${type}`]);
  expect(Number(answer?.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(answer?.body.detail).toContain('ann');
}

describe('jobs that wait', () => {
  it('of one key leave room for those of another, and give it back as they end', async () => {
    api = await open(ROOMS.shared);
    const flood = await times(12, () => api.submit({ input: TRIP }, as('ann')));
    expect(statusesOf(flood)).toEqual([202, 202, 202, 202, ...Array.from({ length: 8 }, () => 429)]);
    expectShareIsFull(flood.find(({ status }) => status === 429));
    expect(statusesOf(await times(2, () => api.submit({ input: TRIP }, as('bob'))))).toEqual([202, 202]);
    expectShareIsFull(await api.submit({ input: TRIP }, as('ann')));
    const [first, second, third] = flood.filter(({ status }) => status === 202).map(({ body }) => body.id);
    await api.worker.succeed(first);
    await api.worker.claim(second);
    await api.call('delete', `/jobs/${third}`, { headers: as('ann') });
    expect((await api.submit({ input: TRIP }, as('ann'))).status).toBe(202);
  });

  it('are counted however they came back to the queue, and run again where it is full', async () => {
    api = await open(ROOMS.patient);
    const [one, two] = await times(2, async () => (await api.submit({ input: TRIP }, as('ann'))).body.id);
    const held = await api.worker.claim(one);
    const three = (await api.submit({ input: TRIP }, as('ann'))).body.id;
    const [back] = await api.worker.leases.release([held]);
    expect(back).toBe('queued');
    expectShareIsFull(await api.submit({ input: TRIP }, as('ann')));
    await api.worker.fail(two, 'model_error');
    await api.worker.succeed(three);
    // One waits: of the three that are free, one goes to the replay.
    const replay = await api.call('post', `/jobs/${two}/replay`, { headers: as('ann') });
    expect(replay.status).toBe(202);
    expectShareIsFull(await api.call('post', `/jobs/${two}/replay`, { headers: as('ann') }));
  });

  it('fill the queue where callers are not told apart', async () => {
    api = await open(ROOMS.open);
    expect(statusesOf(await times(5, () => api.submit({ input: TRIP })))).toEqual([202, 202, 202, 202, 503]);
  });
});

describe('batches', () => {
  it.each(['', '&strict=true'])(
    'opened together pass the share of their key no more than one after the other (%s)',
    async (query) => {
      api = await open(ROOMS.shared);
      const flood = times(6, (index) => upload('ann', 3, query, { 'Idempotency-Key': `k${index}` }));
      expect((await upload('bob', 1, query)).status).toBe(202);
      const answers = await flood;
      const refused = answers.filter(({ status }) => status !== 202);
      expect(refused.length).toBeGreaterThanOrEqual(5);
      for (const answer of refused) expectShareIsFull(answer);
      expect((await upload('bob', 1, query)).status).toBe(202);
      for (const { status } of await batchesOf('ann')) expect(status).toMatch(/^(queued|canceled)$/);
      // The key of what was refused is free, and so is its room.
      for (const { id, status } of await batchesOf('ann')) {
        if (status === 'queued') await api.call('delete', `/batches/${id}`, { headers: as('ann') });
      }
      const again = await upload('ann', 3, query, { 'Idempotency-Key': 'k0' });
      expect(again.status).toBe(202);
    },
  );

  it('wait for room while they are sent, and go on once there is some', async () => {
    api = await open(ROOMS.patient);
    const { id } = (await upload('ann', 1)).body;
    const second = upload('ann', 2);
    await until(
      async () => (await batchesOf('ann'))[0]?.rows.total === 1 && (await batchesOf('ann')).length === 2,
    );
    expect((await batchesOf('ann'))[0]?.status).toBe('accepting');
    expectShareIsFull(await api.call('post', '/batches', { body: { inputs: [TRIP] }, headers: as('ann') }));
    await api.call('delete', `/batches/${id}`, { headers: as('ann') });
    expect((await second).status).toBe(202);
  });

  it('that find no room in time are canceled and free their key, where callers are not told apart', async () => {
    api = await open(ROOMS.open);
    const send = (rows: number): Promise<Response> =>
      api.call('post', '/batches', {
        body: { inputs: Array.from({ length: rows }, () => TRIP) },
        headers: { 'Idempotency-Key': 'k' },
      });
    const refused = await send(8);
    expect([refused.status, refused.body.type]).toEqual([503, '/problems/queue-full']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await api.call('get', '/batches')).body.batches).toMatchObject([{ status: 'canceled' }]);
    expect((await send(2)).status).toBe(202);
  });
});

it('streams of one key leave room for those of another', async () => {
  api = await open(ROOMS.shared);
  const over = new AbortController();
  // Kept: a stream whose answer nobody holds is closed by the garbage collector.
  const held: globalThis.Response[] = [];
  const follow = async (name: Name, signal = over.signal) => {
    const answer = await fetch(`${api.url}/stats/stream`, { headers: as(name), signal });
    held.push(answer);
    return answer;
  };
  const first = new AbortController();
  expect((await follow('ann', first.signal)).status).toBe(200);
  expect((await times(2, () => follow('ann'))).map(({ status }) => status)).toEqual([200, 200]);
  expectShareIsFull(await api.call('get', '/stats/stream', { headers: as('ann') }), 'too-many-streams');
  expect((await follow('bob')).status).toBe(200);
  first.abort();
  await until(() => api.ctx.streams.size === 3, { what: 'the end of a stream' });
  expect((await follow('bob')).status).toBe(200);
  over.abort();
  await until(() => api.ctx.streams.size === 0, { what: 'the end of all streams' });
  expect(held).toHaveLength(5);
  expect((await fetch(`${api.url}/stats/stream`, { headers: as('ann'), method: 'HEAD' })).status).toBe(200);
});

it('waits of one key leave room for those of another, and nothing of a refused one is accepted', async () => {
  api = await open(ROOMS.shared);
  const { id } = (await api.submit({ input: TRIP }, as('ann'))).body;
  const waiting = times(3, () => api.poll(id, as('ann', { Prefer: 'wait=60' })));
  await until(() => api.ctx.waiters.size === 3, { what: 'three waits' });
  const wish = as('ann', { Prefer: 'wait=60' });
  expectShareIsFull(await api.poll(id, wish));
  expectShareIsFull(await api.submit({ input: TRIP }, wish));
  expectShareIsFull(await upload('ann', 1, '', { Prefer: 'wait=60' }));
  const call = { body: { request_id: '1', ...TRIP }, headers: as('ann') };
  expectShareIsFull(await api.call('post', '/v1/trip/predict', call));
  expect((await api.call('get', '/jobs', { headers: as('ann') })).body.jobs).toHaveLength(1);
  expect(await batchesOf('ann')).toEqual([]);
  // Without waiting she is served, and others wait.
  expect((await api.poll(id, as('ann'))).status).toBe(200);
  const batch = await upload('ann', 1);
  expect(batch.status).toBe(202);
  expectShareIsFull(await api.call('get', `/batches/${batch.body.id}/results`, { headers: wish }));
  const bobs = api.submit({ input: TRIP }, as('bob', { Prefer: 'wait=60' }));
  const listed = await until(
    async () => (await api.call('get', '/jobs', { headers: as('bob') })).body.jobs[0],
  );
  await api.worker.succeed(listed.id);
  expect((await bobs).status).toBe(200);
  await api.worker.succeed(id);
  expect((await waiting).map(({ status }) => status)).toEqual([200, 200, 200]);
  await until(() => api.ctx.waiters.size === 0, { what: 'the end of the waits' });
  expect((await api.poll(id, wish)).status).toBe(200);
});
