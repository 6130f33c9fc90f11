import { once } from 'node:events';
import { connect } from 'node:net';
import { v7 as uuidv7 } from 'uuid';
import type { NewJob } from '../../shared/jobs/new-job.js';
import { keepingLog } from '../support/keeping-log.js';
import { until } from '../support/latch.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { newClaim } from '../support/rigs/job-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const KEPT = 6_000;
const MAX_DEPTH = 10_000;
const RUN = { queue: LINEAR, modelVersion: '1.0.0', prepareMs: 0.1, predictMs: 0.9, batchSize: 64 };

const log = keepingLog();
// Redis is well; only this machine may be slow.
const api = useApiRig({ keep: true, env: { REDIS_TIMEOUT_MS: '60000' }, log });
const RUNNING = 100;
/** What one page may cost: records that are looked at, with what runs in each script; runs of scripts; and commands in all. */
const MOST = { entries: 2_000 + 10 * RUNNING, scripts: 11, commands: 2_500 + 10 * RUNNING };
/** Oldest first: a third has succeeded, a few run, the others wait. */
const ids: string[] = [];

const newJob = (id: string): NewJob => ({
  id,
  model: LINEAR,
  owner: '',
  input: TRIP,
  timeoutMs: 60_000,
  maxAttempts: 3,
  resultTtlMs: 3_600_000,
  queueTtlMs: 3_600_000,
});

beforeAll(async () => {
  ids.push(...Array.from({ length: KEPT }, () => uuidv7()));
  await Promise.all(ids.map((id) => api.ctx.partitions.home.intake.create(newJob(id), MAX_DEPTH)));
  for (let from = 0; from < KEPT / 3; from += 500) {
    const { jobs } = await api.worker.leases.claim(newClaim({ queue: LINEAR, most: 500 }), 600_000);
    const verdict = { ok: true as const, result: { duration: 1 } };
    await api.worker.leases.commit(
      RUN,
      jobs.map((job) => ({ job, verdict })),
    );
  }
  await api.worker.leases.claim(newClaim({ queue: LINEAR, most: RUNNING }), 600_000);
}, 60_000);

/** What Redis has done since the last call. */
async function spent(): Promise<typeof MOST> {
  const { redis } = api.ctx.partitions.home.records;
  const info = String(await redis.command(['INFO', 'everything']));
  await redis.command(['CONFIG', 'RESETSTAT']);
  const callsOf = (command: string): number =>
    Array.from(info.matchAll(new RegExp(`cmdstat_${command}:calls=(\\d+)`, 'g')), ([, calls]) =>
      Number(calls),
    ).reduce((sum, calls) => sum + calls, 0);
  return { entries: callsOf('get'), scripts: callsOf('evalsha'), commands: callsOf('\\S+') };
}

async function costOf(path: string): Promise<typeof MOST & { found: number; isLast: boolean }> {
  await spent();
  const { status, body } = await api.call('get', path);
  expect(status).toBe(200);
  return { ...(await spent()), found: body.jobs.length, isLast: body.next_cursor === null };
}

function expectCheap(cost: typeof MOST): void {
  expect(cost.entries).toBeLessThanOrEqual(MOST.entries);
  expect(cost.scripts).toBeLessThanOrEqual(MOST.scripts);
  expect(cost.commands).toBeLessThanOrEqual(MOST.commands);
}

it.each([
  [`?model=${SHOP}`],
  ['?model=nobody'],
  ['?status=failed'],
  ['?status=canceling'],
  [`?model=${LINEAR}&status=expired`],
  [`?model=${SHOP}&status=running&status=queued`],
  ['?request_id=nobody'],
])('looks at no more than what runs for %s, of which there is nothing', async (query) => {
  const cost = await costOf(`/jobs${query}`);
  expect(cost).toMatchObject({ found: 0, isLast: true });
  expect(cost.entries).toBeLessThanOrEqual(2 * RUNNING);
  expectCheap(cost);
});

it.each(['', '?status=running', '?status=queued', '?status=succeeded', `?model=${LINEAR}&status=running`])(
  'looks at no more than it finds for /jobs%s',
  async (query) => {
    const cost = await costOf(`/jobs${query}`);
    expect(cost).toMatchObject({ found: 50, isLast: false });
    // Each twice: where it is found, and to be shown.
    expect(cost.entries).toBeLessThanOrEqual(2 * 50 + RUNNING + 10);
    expectCheap(cost);
  },
);

describe('entries that do not match, more than a page looks at', () => {
  const inVain = `/jobs?request_id=same&model=${SHOP}`;

  beforeAll(async () => {
    const { intake } = api.ctx.partitions.home;
    const all = Array.from({ length: 2_500 }, () => ({ ...newJob(uuidv7()), requestId: 'same' }));
    await Promise.all(all.map((job) => intake.create(job, MAX_DEPTH)));
  });

  it('make short pages that lead to the end', async () => {
    const first = await costOf(inVain);
    expect(first).toMatchObject({ found: 0, isLast: false });
    expectCheap(first);
    const cursor = (await api.call('get', inVain)).body.next_cursor;
    const second = await costOf(`${inVain}&cursor=${cursor}`);
    expect(second).toMatchObject({ found: 0, isLast: true, entries: 500 });
  });

  it('are not looked through for a client that has left, nor by a list that waits for its turn', async () => {
    const left = (): number =>
      log.lines.filter(({ fields }) => fields?.['client'] === 'left before the answer').length;
    const before = left();
    await spent();
    api.server.freeze();
    for (let i = 0; i < 10; i += 1) {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`GET ${inVain} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, () => socket.destroy());
    }
    await until(() => left() === before + 10, { what: 'the end of all requests' });
    api.server.thaw();
    // After whatever was still to come: lists of one caller take turns.
    expect((await api.call('get', '/jobs?model=nobody')).status).toBe(200);
    expect((await spent()).scripts).toBeLessThanOrEqual(2);
  });

  it('do not keep others from submitting, though ten readers ask for nothing else', async () => {
    const done = new AbortController();
    let read = 0;
    await spent();
    const readers = Array.from({ length: 10 }, async () => {
      while (!done.signal.aborted) {
        const answer = await fetch(`${api.url}${inVain}&limit=200`);
        expect(answer.status).toBe(200);
        await answer.arrayBuffer();
        read += 1;
      }
    });
    const statuses = new Set<number>();
    for (let i = 0; i < 30; i += 1) statuses.add((await api.submit({ input: TRIP })).status);
    done.abort();
    await Promise.all(readers);
    const { entries } = await spent();
    expect(statuses).toEqual(new Set([202]));
    expect(entries / read).toBeLessThan(MOST.entries + 100);
  });
});

it('looks once at entries whose records are gone, and takes them out', async () => {
  const { records } = api.ctx.partitions.home;
  await records.redis.command(['DEL', ...ids.map((id) => records.key(`job:${id}`))]);
  const gone = `/jobs?model=${LINEAR}&status=succeeded`;
  const first = await costOf(gone);
  expect(first).toMatchObject({ found: 0, entries: KEPT / 3 });
  expectCheap(first);
  expect(await costOf(gone)).toMatchObject({ found: 0, isLast: true, entries: 0 });
});

it('refuses a list, to its caller alone, when too many of that caller wait already', async () => {
  await spent();
  api.server.freeze();
  const answers: Response[] = [];
  const asked = Array.from({ length: 80 }, async () => {
    const answer = await fetch(`${api.url}/jobs?status=failed`);
    answers.push(answer);
    return answer;
  });
  await until(() => answers.length === 15, { what: 'the refusal of all that are too many' });
  expect(new Set(answers.map(({ headers }) => headers.get('retry-after')))).toEqual(new Set(['1']));
  api.server.thaw();
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(65);
  expect(statuses.filter((status) => status === 429)).toHaveLength(15);
});
