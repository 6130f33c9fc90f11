import { openEvents } from '../support/events.js';
import { until } from '../support/latch.js';
import { startRedis } from '../support/redis.js';
import { openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const api = useApiRig();

const submitted = async (): Promise<string> => (await api.submit({ input: TRIP })).body.id;
const follow = (id: string, headers?: Record<string, string>) =>
  openEvents(`${api.url}/jobs/${id}/events`, headers);

describe('the events of a job', () => {
  it('tell every state once, as polls do, and end with the last', async () => {
    const id = await submitted();
    const stream = await follow(id);
    expect(stream.status).toBe(200);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.headers.get('cache-control')).toBe('no-store');
    expect(await stream.next()).toMatchObject({ event: 'status', data: { id, status: 'queued' } });
    const job = await api.worker.claim(id);
    expect(await stream.next()).toMatchObject({
      event: 'status',
      data: { id, status: 'running', attempts: 1 },
    });
    const run = { queue: LINEAR, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
    await api.worker.leases.commit(run, [{ job, verdict: { ok: true, result: { duration: 1 } } }]);
    const last = await stream.next();
    expect(last?.data).toEqual((await api.poll(id)).body);
    expect(await stream.next()).toBeUndefined();
  });

  it('tell of a cancel while the job runs', async () => {
    const id = await submitted();
    await api.worker.claim(id);
    const stream = await follow(id);
    expect(await stream.next()).toMatchObject({ data: { status: 'running' } });
    await api.call('delete', `/jobs/${id}`);
    expect(await stream.next()).toMatchObject({ data: { status: 'canceling' } });
    stream.close();
  });

  it('leave out what a client that comes back knows, and send it away when that was the end', async () => {
    const id = await submitted();
    const first = await (await follow(id)).next();
    await api.worker.succeed(id);
    const again = await follow(id, { 'Last-Event-ID': first?.id ?? '' });
    const last = await again.next();
    expect(last).toMatchObject({ data: { status: 'succeeded' } });
    expect((await follow(id, { 'Last-Event-ID': last?.id ?? '' })).status).toBe(204);
    const running = await submitted();
    const before = await follow(running);
    const known = await before.next();
    before.close();
    const silent = await follow(running, { 'Last-Event-ID': known?.id ?? '' });
    await api.worker.claim(running);
    expect(await silent.next()).toMatchObject({ data: { status: 'running' } });
    silent.close();
  });

  it('end at once where only their headers are wanted', async () => {
    const url = `${api.url}/jobs/${await submitted()}/events`;
    const { status, headers } = await fetch(url, { method: 'HEAD' });
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    await until(() => api.ctx.streams.size === 0, { what: 'the end of the stream' });
  });

  it('are no answer for unknown ids', async () => {
    expect((await api.call('get', '/jobs/x/events')).status).toBe(404);
  });

  it('hold nothing when the clients have gone', async () => {
    const id = await submitted();
    const streams = await Promise.all([follow(id), follow(id)]);
    await Promise.all(streams.map((stream) => stream.next()));
    expect(api.ctx.followers.size).toBeGreaterThanOrEqual(2);
    for (const stream of streams) stream.close();
    await api.worker.succeed(id);
    await until(() => api.ctx.followers.size === 0 && api.ctx.streams.size === 0, { what: 'closed streams' });
  });
});

describe('the figures', () => {
  it('are what GET /stats says, and what its schema says', async () => {
    const [a, b] = [await api.submit({ input: TRIP }), await api.submit({ input: TRIP })];
    await api.submit({ model: SHOP, input: { size: 's' } });
    const running = await api.submit({ model: SHOP, input: { size: 'm' } });
    await api.worker.claim(running.body.id);
    await api.worker.succeed(a.body.id);
    await api.worker.fail(b.body.id, 'model_error');
    const { status, body } = await api.call('get', '/stats');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      waiting: 1,
      running: 1,
      last_day: { submitted: 4, succeeded: 1, failed: 1 },
      workers: [],
      history: { step_s: 60 },
    });
    expect(body.total_ms.p50).toBeGreaterThan(0);
    expect(
      body.models.map((model: { name: string; waiting: number; running: number }) => [
        model.name,
        model.waiting,
        model.running,
      ]),
    ).toEqual(
      expect.arrayContaining([
        [LINEAR, 0, 0],
        [SHOP, 1, 1],
      ]),
    );
    const sum = (points: { submitted: number }[]) => points.reduce((total, { submitted: n }) => total + n, 0);
    expect(sum(body.history.points)).toBe(4);
    const ofShop = await api.call('get', `/stats?minutes=1500&model=${SHOP}`);
    expect([sum(ofShop.body.history.points), ofShop.body.history.step_s]).toEqual([2, 600]);
  });

  it('refuse what they do not know', async () => {
    expect((await api.call('get', '/stats?minutes=0')).status).toBe(422);
    expect((await api.call('get', '/stats?model=none')).status).toBe(404);
  });

  it('stream once a second, from one reading for all', async () => {
    const streams = await Promise.all([1, 2, 3].map(() => openEvents(`${api.url}/stats/stream`)));
    const events = await Promise.all(streams.map((stream) => stream.next()));
    const seconds = await Promise.all(streams.map((stream) => stream.next()));
    for (const event of [...events, ...seconds]) {
      expect(event).toMatchObject({ event: 'stats', data: { running: expect.any(Number) } });
    }
    expect(new Set(seconds.map((event) => JSON.stringify(event))).size).toBe(1);
    for (const stream of streams) stream.close();
  });

  it('say so while Redis is away, and go on when it is back', async () => {
    const redis = await startRedis();
    const own = await openApiRig(redis, { env: { REDIS_TIMEOUT_MS: '300' } });
    const stream = await openEvents(`${own.url}/stats/stream`);
    const isTold = (event: string) => until(async () => (await stream.next())?.event === event);
    expect(await isTold('stats')).toBe(true);
    redis.freeze();
    expect(await isTold('problem')).toBe(true);
    redis.thaw();
    expect(await isTold('stats')).toBe(true);
    stream.close();
    await own.close();
    await redis.stop();
  });
});

it('ends every stream when the process is told to stop, and opens no more', async () => {
  const own = await openApiRig(api.server);
  const { id } = (await own.submit({ input: TRIP })).body;
  const streams = [
    await openEvents(`${own.url}/jobs/${id}/events`),
    await openEvents(`${own.url}/stats/stream`),
  ];
  own.drain();
  for (const stream of streams) await until(async () => (await stream.next()) === undefined);
  expect((await own.call('get', '/stats/stream')).body.type).toBe('/problems/draining');
  await own.close();
});
