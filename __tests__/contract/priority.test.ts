import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reload } from '../../api/context.js';
import { unixMsOf } from '../../api/http/rfc3339.js';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import { type Headers, TRIP, useApiRig, useApiRigs } from '../support/rigs/api-rig.js';
import { newClaim } from '../support/rigs/job-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const secretOf = (name: string): string => `${name}-0123456789abcdef`;
const as = (name: string): Headers => ({ Authorization: `Bearer ${secretOf(name)}` });
const entry = (name: string, options = ''): string => `${name}:${secretOf(name)}${options}`;

describe('without keys', () => {
  const api = useApiRig();
  const submit = async (more: object) => (await api.submit({ input: TRIP, ...more })).body;

  it('runs the jobs of a lane after all those of higher ones, and says how many are before a job', async () => {
    const low = await submit({ priority: 'low' });
    const normal = await submit({});
    const high = await submit({ priority: 'high' });
    expect([low, normal, high].map(({ queue }) => queue.position)).toEqual([1, 1, 1]);
    expect((await api.poll(low.id)).body.queue.position).toBe(3);
    const { jobs } = await api.worker.leases.claim(newClaim({ queue: LINEAR, most: 3 }), 60_000);
    expect(jobs.map(({ id }) => id)).toEqual([high.id, normal.id, low.id]);
  });

  it('does not run a job before its time, and tells the time', async () => {
    const delayed = await submit({ delay_ms: 3_600_000 });
    const later = new Date(Date.now() + 86_400_000).toISOString();
    const put = await submit({ not_before: later, expires_in_ms: 60_000 });
    for (const { id, status, queue } of [delayed, put]) {
      expect([status, queue.position]).toEqual(['queued', undefined]);
      expect((await api.poll(id)).body.queue).toEqual(queue);
    }
    const ahead = Date.parse(delayed.queue.starts_at) - Date.parse(delayed.created_at);
    expect(ahead).toBe(3_600_000);
    const past = Date.parse(put.queue.starts_at) - Date.parse(later);
    expect(past).toBeGreaterThanOrEqual(0);
    expect(past).toBeLessThan(5_000);
    expect(Date.parse(put.queue_expires_at) - Date.parse(put.queue.starts_at)).toBe(60_000);
    const { jobs, nextDueMs } = await api.worker.leases.claim(newClaim({ queue: LINEAR }), 60_000);
    expect(jobs).toEqual([]);
    expect(nextDueMs).toBeGreaterThan(3_000_000);
    expect((await api.call('delete', `/jobs/${delayed.id}`)).body.status).toBe('canceled');
  });

  it('runs a job whose time is past at once', async () => {
    const { id } = await submit({ not_before: '2020-01-01T00:00:00Z' });
    await api.worker.succeed(id);
    expect((await api.poll(id)).body.status).toBe('succeeded');
  });

  it('takes a leap second for the second behind it', async () => {
    const { id } = await submit({ not_before: '2016-12-31T23:59:60Z' });
    await api.worker.succeed(id);
    expect(unixMsOf('2016-12-31T18:59:60.5-05:00')).toBe(Date.parse('2017-01-01T00:00:00.500Z'));
  });

  it('lets a batch wait in the lane that it names', async () => {
    const send = async (query: string): Promise<string> =>
      (await api.call('post', `/batches?model=${LINEAR}${query}`, { body: { inputs: [TRIP] } })).body.id;
    const [low, high] = [await send('&priority=low'), await send('&priority=high')];
    const { jobs } = await api.worker.leases.claim(
      newClaim({ queue: chunkQueueOf(LINEAR), most: 2 }),
      60_000,
    );
    expect(jobs.map(({ id }) => id)).toEqual([`${high}:0`, `${low}:0`]);
  });

  it('refuses a lane that is none, a time too far ahead or no time, and two times', async () => {
    const month = new Date(Date.now() + 31 * 86_400_000).toISOString();
    for (const [more, pointer] of [
      [{ priority: 'urgent' }, '#/priority'],
      [{ delay_ms: 30 * 86_400_000 + 1 }, '#/delay_ms'],
      [{ not_before: month }, '#/not_before'],
      [{ not_before: 'tomorrow' }, '#/not_before'],
      [{ not_before: '2020-01-01T00:00:00+14' }, '#/not_before'],
      [{ not_before: month, delay_ms: 1 }, '#/not_before'],
    ] as const) {
      const { status, body } = await api.submit({ input: TRIP, ...more });
      expect([status, body.errors?.map((error: { pointer: string }) => error.pointer)]).toEqual([
        422,
        [pointer],
      ]);
    }
    const { errors } = (await api.submit({ input: TRIP, not_before: month, timeout_ms: 0 })).body;
    expect(errors).toHaveLength(2);
    const batch = await api.call('post', '/batches?priority=urgent', { body: { inputs: [TRIP] } });
    expect([batch.status, batch.body.errors[0].parameter]).toEqual([422, 'priority']);
  });

  it('harms no other job by a time that it refuses', async () => {
    const keyed = { 'Idempotency-Key': 'a' };
    const answers = await Promise.all([
      api.submit({ input: TRIP, not_before: '2020-01-01T00:00:00+14' }),
      api.submit({ input: TRIP }, keyed),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([422, 202]);
    expect((await api.call('get', '/jobs')).body.jobs).toHaveLength(1);
  });

  it('keeps the lane of a job that is run again, and not its delay', async () => {
    const { id } = await submit({ priority: 'low', delay_ms: 60_000 });
    await api.call('delete', `/jobs/${id}`);
    const again = (await api.call('post', `/jobs/${id}/replay`)).body;
    await submit({});
    expect(again.queue).toEqual({ position: 1 });
    expect((await api.poll(again.id)).body.queue.position).toBe(2);
  });
});

describe('with a QUEUE_TTL_MS', () => {
  const api = useApiRig({ env: { QUEUE_TTL_MS: '1000' } });

  it('counts it from when a job may start', async () => {
    const more = { delay_ms: 3_600_000, expires_in_ms: 60_000 };
    const { queue, queue_expires_at: expires } = (await api.submit({ input: TRIP, ...more })).body;
    expect(Date.parse(expires) - Date.parse(queue.starts_at)).toBe(1_000);
  });
});

describe('with keys', () => {
  const open = useApiRigs();

  it('keeps a key in its lane: lower ones are open to it, higher ones are 403', async () => {
    const api = await open({ env: { API_KEYS: [entry('ann'), entry('bulk', ':lane=low')].join(',') } });
    const bulk = (more: object) => api.submit({ input: TRIP, ...more }, as('bulk'));
    const plain = (await bulk({})).body;
    await api.submit({ input: TRIP }, as('ann'));
    expect((await api.poll(plain.id, as('bulk'))).body.queue.position).toBe(2);
    const { status, body } = await bulk({ priority: 'normal' });
    expect([status, body.type]).toEqual([403, '/problems/lane-not-allowed']);
    const batch = { body: { inputs: [TRIP] }, headers: as('bulk') };
    expect((await api.call('post', '/batches?priority=high', batch)).status).toBe(403);
    expect((await bulk({ priority: 'low' })).status).toBe(202);
  });

  it("runs one caller's next job soon though another has many, by the weights of their keys", async () => {
    const api = await open({ env: { API_KEYS: [entry('ann', ':weight=2'), entry('bob')].join(',') } });
    const submit = async (name: string): Promise<string> =>
      (await api.submit({ input: TRIP }, as(name))).body.id;
    const [anns, bobs]: [string[], string[]] = [[], []];
    for (let i = 0; i < 12; i += 1) bobs.push(await submit('bob'));
    for (let i = 0; i < 6; i += 1) anns.push(await submit('ann'));
    const { jobs } = await api.worker.leases.claim(newClaim({ queue: LINEAR, most: 9 }), 60_000);
    expect(jobs.filter(({ id }) => anns.includes(id))).toHaveLength(6);
    expect(jobs.filter(({ id }) => bobs.includes(id)).map(({ id }) => id)).toEqual(bobs.slice(0, 3));
  });

  it('reads the keys of a file again, and keeps those that it has where the file is bad', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-keys-'));
    const file = join(folder, 'keys');
    writeFileSync(file, `# the shop\n${entry('ann')}\n\n`);
    const api = await open({ env: { API_KEYS_FILE: file } });
    const list = async (name: string) => (await api.call('get', '/jobs', { headers: as(name) })).status;
    expect([await list('ann'), await list('bob')]).toEqual([200, 401]);
    writeFileSync(file, entry('bob', ':admin:weight=3'));
    reload(api.ctx);
    expect([await list('ann'), await list('bob')]).toEqual([401, 200]);
    writeFileSync(file, 'nonsense');
    reload({ ...api.ctx, log: { ...api.ctx.log, error: () => undefined } });
    expect(await list('bob')).toBe(200);
    rmSync(folder, { recursive: true });
  });
});
