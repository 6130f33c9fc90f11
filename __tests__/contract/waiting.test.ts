import { v7 as uuidv7 } from 'uuid';
import { changeRecord } from '../support/change-record.js';
import { until } from '../support/latch.js';
import { openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { SHOP } from '../support/rigs/models-folder.js';

// Ends are announced; nobody happens to look at the right moment.
const api = useApiRig({ limits: { rereadMs: 60_000 } });
afterEach(async () => {
  await until(() => api.ctx.waiters.size === 0, { what: 'every waiter having left' });
});

const someoneWaits = (rig = api) => until(() => rig.ctx.waiters.size > 0, { what: 'someone waiting' });
const newest = async (): Promise<string> => (await api.call('get', '/jobs?limit=1')).body.jobs[0].id;

describe('Prefer: wait on a submission', () => {
  it('answers 200 with the finished job as soon as it has ended', async () => {
    const waiting = api.submit({ input: TRIP }, { Prefer: 'wait=30' });
    await someoneWaits();
    const id = await until(() => newest().catch(() => undefined));
    await api.worker.succeed(id);
    const { status, body, headers } = await waiting;
    expect([status, body.status, body.result]).toEqual([200, 'succeeded', { duration: 12.9 }]);
    expect(headers).toMatchObject({
      vary: 'Prefer',
      'preference-applied': 'wait=30',
      location: `/jobs/${id}`,
    });
    expect(headers).not.toHaveProperty('retry-after');
  });

  it.each([
    ['succeeded', {}, 0, (id: string) => api.worker.succeed(id)],
    ['failed', { expires_in_ms: 60_000 }, 0, (id: string) => api.worker.fail(id, 'model_error')],
    // By the request that cancels it.
    ['canceled', {}, 1, (id: string) => api.call('delete', `/jobs/${id}`)],
  ] as const)(
    'answers the job, %s, as a poll answers it then, without reading its record',
    async (state, more, reads, end) => {
      const waiting = api.submit(
        { input: TRIP, ...more },
        { Prefer: 'wait=30', 'X-Request-Id': 'one "of", mine' },
      );
      await someoneWaits();
      const id = await until(() => newest().catch(() => undefined));
      const find = jest.spyOn(api.ctx.partitions.home.jobs, 'find');
      await end(id);
      const { body } = await waiting;
      expect(find).toHaveBeenCalledTimes(reads);
      find.mockRestore();
      expect(body).toMatchObject({ id, status: state });
      expect(body).toEqual((await api.poll(id)).body);
    },
  );

  it('reads the record when it is not told how the job ended', async () => {
    const waiting = api.submit({ input: TRIP }, { Prefer: 'wait=30' });
    await someoneWaits();
    const id = await until(() => newest().catch(() => undefined));
    await changeRecord(api.ctx.partitions.home.records, id, (text) =>
      text.replace(` ${api.ctx.replyTo} `, ' = '),
    );
    await api.worker.succeed(id);
    expect((await waiting).body).toEqual((await api.poll(id)).body);
  });

  it('answers 202 with the unfinished job when the time is over', async () => {
    const startedMs = performance.now();
    const { status, body, headers } = await api.submit({ input: TRIP }, { Prefer: 'wait=1' });
    expect(performance.now() - startedMs).toBeGreaterThan(900);
    expect([status, body.status]).toEqual([202, 'queued']);
    expect(headers['preference-applied']).toBe('wait=1');
    expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
  });

  it.each(['wait=0', 'respond-async, wait=0', 'return=minimal; x="wait=9", WAIT="0"'])(
    'does not wait for %s',
    async (prefer) => {
      const { status, headers } = await api.submit({ input: TRIP }, { Prefer: prefer });
      expect(status).toBe(202);
      expect(headers['preference-applied']).toMatch(/(^|, )wait=0$/);
    },
  );

  it.each(['wait=soon', 'handling=strict', 'wait', ';;,,=', 'wait=-1'])('ignores %s', async (prefer) => {
    const { status, headers } = await api.submit({ input: TRIP }, { Prefer: prefer });
    expect(status).toBe(202);
    expect(headers['vary']).toBe('Prefer');
    expect(headers).not.toHaveProperty('preference-applied');
  });

  it('applies respond-async, which is what it does anyway', async () => {
    const { headers } = await api.submit({ input: TRIP }, { Prefer: 'respond-async' });
    expect(headers['preference-applied']).toBe('respond-async');
  });

  it('varies by Prefer even where there is none', async () => {
    const { headers } = await api.submit({ input: TRIP });
    expect(headers['vary']).toBe('Prefer');
    expect(headers).not.toHaveProperty('preference-applied');
  });
});

describe('Prefer: wait on a poll', () => {
  it('answers 200 as soon as the job has ended', async () => {
    const { body } = await api.submit({ input: TRIP });
    const polling = api.poll(body.id, { Prefer: 'wait=30' });
    await someoneWaits();
    await api.worker.succeed(body.id);
    const polled = await polling;
    expect([polled.status, polled.body.status]).toEqual([200, 'succeeded']);
    expect(polled.headers['preference-applied']).toBe('wait=30');
  });

  it('answers 200 with the unfinished job when the time is over', async () => {
    const { body } = await api.submit({ input: TRIP });
    const polled = await api.poll(body.id, { Prefer: 'wait=1' });
    expect([polled.status, polled.body.status]).toEqual([200, 'queued']);
    expect(polled.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  });

  it('does not wait for a job that has ended, or that is not there', async () => {
    const { body } = await api.submit({ input: TRIP });
    await api.worker.succeed(body.id);
    const startedMs = performance.now();
    expect((await api.poll(body.id, { Prefer: 'wait=30' })).status).toBe(200);
    expect((await api.poll(uuidv7(), { Prefer: 'wait=30' })).status).toBe(404);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  });

  it('wakes everyone who waits for the same job, here and in another process', async () => {
    const other = await openApiRig(api.server, { env: { KEY_PREFIX: api.ctx.config.redis.keyPrefix } });
    const { body } = await api.submit({ input: TRIP });
    const all = [api, api, other].map((rig) => rig.poll(body.id, { Prefer: 'wait=30' }));
    await until(() => api.ctx.waiters.size === 2 && other.ctx.waiters.size === 1);
    await api.worker.succeed(body.id);
    expect((await Promise.all(all)).map((polled) => polled.body.status)).toEqual(Array(3).fill('succeeded'));
    await other.close();
  });

  it('notices the end in the middle of the wait when the announcement is lost', async () => {
    const own = await openApiRig(api.server);
    const { body } = await own.submit({ input: TRIP });
    const polling = own.poll(body.id, { Prefer: 'wait=60' });
    await someoneWaits(own);
    const { records } = own.ctx.partitions.home;
    // As the commit writes it, but without its announcement.
    await changeRecord(
      records,
      body.id,
      (text) => `${text}\nsucceeded 2.000 1.000 1 1 w:1 1.0.0 0.100 0.900 1 {"duration":1}`,
    );
    const startedMs = performance.now();
    expect((await polling).body.status).toBe('succeeded');
    expect(performance.now() - startedMs).toBeLessThan(55_000);
    await own.close();
  });
});

describe('a poll of a job that has not ended', () => {
  const patient = useApiRig({ limits: { holdMs: 60_000 } });

  it('is held until the job ends, and is answered with what the process was told of the end', async () => {
    const { body: job } = await patient.submit({ input: TRIP });
    const polled = patient.poll(job.id);
    const asked = patient.poll(job.id, { 'If-None-Match': 'W/"queued-0"' });
    await until(() => patient.ctx.waiters.holding === 2);
    const findOpen = jest.spyOn(patient.ctx.partitions.home.jobs, 'findOpen');
    await patient.worker.succeed(job.id);
    const [{ status, body, headers }, changed] = await Promise.all([polled, asked]);
    expect([status, body.status, changed.status]).toEqual([200, 'succeeded', 200]);
    expect(headers).not.toHaveProperty('preference-applied');
    expect(findOpen).not.toHaveBeenCalled();
    expect([body, headers['etag']]).toEqual([changed.body, changed.headers['etag']]);
    expect(body).toEqual((await patient.poll(job.id)).body);
    expect(patient.ctx.waiters.holding).toBe(0);
  });

  it('links to an input that stands apart, as every later answer does', async () => {
    const { body: job } = await patient.submit({ model: SHOP, input: { size: 'l', gift: true } });
    const { records } = patient.ctx.partitions.home;
    await changeRecord(records, job.id, (text) => text.replace(/^(\S+) =(.*) \{.*$/, '$1 1$2 '));
    const polled = patient.poll(job.id);
    await until(() => patient.ctx.waiters.holding === 1);
    await patient.worker.fail(job.id, 'model_error');
    const { body } = await polled;
    expect([body.status, body.links.input]).toEqual(['failed', `/jobs/${job.id}/input`]);
    expect((await patient.poll(job.id)).body).toEqual(body);
  });

  it('is not held for a client that wants no wait, nor by a process that is not told of the end', async () => {
    const { body: job } = await patient.submit({ input: TRIP });
    expect((await patient.poll(job.id, { Prefer: 'wait=0' })).body.status).toBe('queued');
    const { headers } = await patient.poll(job.id, { Prefer: 'wait=0' });
    expect(
      (await patient.poll(job.id, { Prefer: 'wait=0', 'If-None-Match': headers['etag'] ?? '' })).status,
    ).toBe(304);
    const other = await openApiRig(patient.server, {
      env: { KEY_PREFIX: patient.ctx.config.redis.keyPrefix },
      limits: { holdMs: 60_000 },
    });
    expect((await other.poll(job.id)).body.status).toBe('queued');
    await other.close();
  });

  it('is not held by a process that was told to stop', async () => {
    const { body: job } = await patient.submit({ input: TRIP });
    patient.drain();
    expect((await patient.poll(job.id)).body.status).toBe('queued');
  });
});

describe('a wait that nobody wants any more', () => {
  it('is over when the client leaves', async () => {
    const leaving = new AbortController();
    const { body } = await api.submit({ input: TRIP });
    const polling = fetch(`${api.url}/jobs/${body.id}`, {
      headers: { Prefer: 'wait=30' },
      signal: leaving.signal,
    });
    await someoneWaits();
    leaving.abort();
    await expect(polling).rejects.toThrow('aborted');
    // Half of the wait at the longest.
    await until(() => api.ctx.waiters.size === 0, { timeoutMs: 15_000 });
  });

  it('goes on while the process drains, and ends with the job as it is when half its time is over', async () => {
    const draining = await openApiRig(api.server, { env: { GRACE_MS: '1000' } });
    const { body } = await draining.submit({ input: TRIP });
    const polling = draining.poll(body.id, { Prefer: 'wait=30' });
    const ending = await draining.submit({ input: TRIP });
    const answered = draining.poll(ending.body.id, { Prefer: 'wait=30' });
    const submitting = draining.submit({ input: TRIP }, { Prefer: 'wait=30' });
    await until(() => draining.ctx.waiters.size === 3);
    draining.drain();
    await draining.worker.succeed(ending.body.id);
    const done = await answered;
    expect([done.status, done.body.status]).toEqual([200, 'succeeded']);
    expect(draining.ctx.waiters.size).toBe(2);
    const [polled, submitted] = await Promise.all([polling, submitting]);
    expect([polled.status, polled.body.status]).toEqual([200, 'queued']);
    expect([submitted.status, submitted.body.status]).toEqual([202, 'queued']);
    expect(polled.headers).not.toHaveProperty('preference-applied');
    expect(polled.headers['connection']).toBe('close');
    await draining.close();
  });
});
