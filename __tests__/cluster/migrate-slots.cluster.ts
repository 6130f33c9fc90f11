import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { BatchBody } from '../../shared/contract/batch.js';
import type { JobBody, JobList } from '../../shared/contract/job.js';
import { partitionTag } from '../../shared/records/partition-tags.js';
import { partitionPrefix } from '../../shared/records/records.js';
import { slotOf } from '../../shared/redis/key-slot.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { testPrefix } from '../support/redis.js';
import { type ClusterNode, startCluster } from '../support/redis-cluster.js';
import { findValkey9 } from '../support/valkey-9.js';
import { waggleHere } from '../support/waggle-here.js';

const PARTITIONS = 6;
const MOVED = 2;
const CALLERS = 8;
const ROWS = 240;
const PATIENCE_MS = 60_000;
const TAG = partitionTag({ index: MOVED, count: PARTITIONS });
const MOVED_IDS = new RegExp(`0${MOVED}$`);

const found = findValkey9();

if ('why' in found) {
  process.stderr.write(`NOT RUN: moves of slots: ${found.why}\n`);
  // oxlint-disable-next-line jest/no-disabled-tests, jest/expect-expect
  it.skip(`moves of slots: ${found.why}`, () => undefined);
} else {
  it(
    'answers right or 503 while a partition moves to another master and back, twice',
    async () => {
      const cluster = await startCluster(found);
      const env = { REDIS_URL: cluster.url, KEY_PREFIX: testPrefix(), PARTITIONS: String(PARTITIONS) };
      const faulty = { MODELS_DIR: resolve(__dirname, '../fixtures/models'), MODELS: 'faulty' };
      const settings = { ...env, ...faulty, DEFAULT_MODEL: 'faulty', CHUNK_ROWS: '8', PORT: '0' };
      const apis = [0, 1].map(() => startProgram('api', settings));
      const file = '__tests__/fixtures/faulty-worker.mjs';
      const programs: Program[] = [...apis, ...[0, 1].map(() => startProgram('worker', settings, { file }))];
      const over = new AbortController();
      try {
        const urls = (await Promise.all(programs.map((program) => program.ready())))
          .slice(0, apis.length)
          .map((port) => `http://127.0.0.1:${port}`);
        /** Repeats a request until it is answered with anything but 503. */
        const send = <T>(at: number, path: string, body?: unknown, key?: string): Promise<T> =>
          until(
            async () => {
              const response = await fetch(`${urls[at % urls.length]}${path}`, {
                headers: {
                  'content-type': 'application/json',
                  ...(body === undefined ? { prefer: 'wait=2' } : {}),
                  ...(key === undefined ? {} : { 'idempotency-key': key }),
                },
                ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
              });
              const answer = (await response.json()) as T;
              if (response.ok) return answer;
              if (response.status !== 503) throw new Error(`${path}: ${JSON.stringify(answer)}`);
              // Without a key the refused job may exist.
              if (body !== undefined && key === undefined) unsure += 1;
              return undefined;
            },
            { timeoutMs: PATIENCE_MS, what: `an answer to ${path}` },
          );
        const endOf = <T extends { status: string }>(path: string, at: number): Promise<T> =>
          until(
            async () => {
              const now = await send<T>(at, path);
              return !['accepting', 'queued', 'running'].includes(now.status) && now;
            },
            { timeoutMs: PATIENCE_MS, what: `the end of ${path}` },
          );
        const resultOf = (number: number) => ({
          status: 'succeeded',
          result: { doubled: 2 * (number % 400) },
        });
        const accepted = new Set<string>();
        let unsure = 0;
        let next = 0;
        let ended = 0;
        let endedThere = 0;
        const caller = async (at: number): Promise<void> => {
          const hasKey = at % 4 < 2;
          while (!over.signal.aborted) {
            const number = (next += 1);
            const order = { input: { act: 'answer', value: number % 400 }, request_id: `r-${number}` };
            const key = hasKey ? randomUUID() : undefined;
            const { id } = await send<JobBody>(at, '/jobs', order, key);
            accepted.add(id);
            expect(await endOf<JobBody>(`/jobs/${id}`, at)).toMatchObject(resultOf(number));
            const again = key ? await send<JobBody>(at + 1, '/jobs', order, key) : { id };
            expect(again.id).toBe(id);
            ended += 1;
            if (MOVED_IDS.test(id)) endedThere += 1;
          }
        };
        const load = Promise.all(Array.from({ length: CALLERS }, (_, at) => caller(at)));
        load.catch(() => over.abort());
        const moreEnd = async (): Promise<void> => {
          const [all, there] = [ended, endedThere];
          const isEnough = () => over.signal.aborted || (ended > all + 60 && endedThere > there + 5);
          await until(isEnough, { timeoutMs: PATIENCE_MS, what: 'jobs that end' });
        };
        const slot = String(slotOf(TAG));
        const moveTo = async (target: ClusterNode): Promise<void> => {
          const id = String(await target.command(['CLUSTER', 'MYID']));
          const source = await cluster.masterOf(TAG);
          await source.command(['CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', slot, slot, 'NODE', id]);
          await until(async () => (await cluster.masterOf(TAG).catch(() => undefined)) === target, {
            timeoutMs: PATIENCE_MS,
            what: 'a slot with another master',
          });
          await moreEnd();
        };

        await moreEnd();
        const inputs = Array.from({ length: ROWS }, (_, value) => ({ act: 'answer', value }));
        const batch = await send<BatchBody>(0, '/batches', { inputs }, randomUUID());
        const source = await cluster.masterOf(TAG);
        const target = await cluster.masterOf(
          partitionTag({ index: (MOVED + 3) % PARTITIONS, count: PARTITIONS }),
        );
        expect(target).not.toBe(source);
        for (const to of [target, source, target, source]) await moveTo(to);
        over.abort();
        await load;

        const listed: JobBody[] = [];
        for (let cursor: string | null = ''; cursor !== null; ) {
          const path = `/jobs?limit=100${cursor && `&cursor=${cursor}`}`;
          const page: JobList = await until(
            async () => {
              const some = await send<JobList>(0, path);
              // A partition that has just moved counts as away for a second.
              return some.missing_partitions === undefined && some;
            },
            { timeoutMs: PATIENCE_MS, what: 'a list of all partitions' },
          );
          listed.push(...page.jobs);
          cursor = page.next_cursor;
        }
        const ids = new Set(listed.map(({ id }) => id));
        expect(ids.size).toBe(listed.length);
        expect([...accepted].filter((id) => !ids.has(id))).toEqual([]);
        expect(listed.length - accepted.size).toBeLessThanOrEqual(unsure);
        for (const { id, request_id: request } of listed) {
          expect(await endOf<JobBody>(`/jobs/${id}`, 1)).toMatchObject(resultOf(Number(request?.slice(2))));
        }
        for (let index = 0; index < PARTITIONS; index += 1) {
          const place = { index, count: PARTITIONS };
          const key = `${partitionPrefix(env.KEY_PREFIX, place)}counts`;
          const { command } = await cluster.masterOf(partitionTag(place));
          const own = String(listed.filter(({ id }) => id.endsWith(`0${index}`)).length);
          const counted = await command(['HMGET', key, 'faulty:submitted', 'faulty:succeeded']);
          expect([index, counted]).toEqual([index, [own, own]]);
        }
        expect(await endOf<BatchBody>(`/batches/${batch.id}`, 1)).toMatchObject({
          rows: { succeeded: ROWS },
        });
        const results = await (await fetch(`${urls[1]}/batches/${batch.id}/results`)).text();
        const lines = results.trimEnd().split('\n');
        expect(lines.map((line) => (JSON.parse(line) as { doubled: number }).doubled)).toEqual(
          inputs.map(({ value }) => 2 * value),
        );
        const { code, stdout } = await waggleHere(['partitions', '--json'], env);
        const { partitions } = JSON.parse(stdout) as { partitions: Record<string, unknown>[] };
        const idle = {
          waiting: 0,
          running: 0,
          slot: expect.any(Number),
          used_memory_bytes: expect.any(Number),
        };
        expect([code, partitions]).toEqual([
          0,
          Array.from({ length: PARTITIONS }, () => expect.objectContaining(idle)),
        ]);
        expect(partitions[MOVED]?.['master']).toBe(`redis://127.0.0.1:${source.port}`);
      } finally {
        over.abort();
        for (const program of programs) program.signal('SIGKILL');
        await Promise.all(programs.map((program) => program.ended));
        await cluster.stop();
      }
    },
    5 * PATIENCE_MS,
  );
}
