import {
  announceWorker,
  readWorkers,
  withdrawWorker,
  type WorkerInfo,
} from '../../../shared/workers/registry.js';
import { useJobRig } from '../../support/rigs/job-rig.js';

const rig = useJobRig();

const worker = (id: string): WorkerInfo => ({
  id,
  host: 'here',
  pid: 17,
  startedAtMs: 1_795_390_000_000,
  models: [
    {
      name: 'greenhouse',
      version: '2.1.0',
      format: 'tfjs-graph',
      engine: 'wasm',
      device: 'CPU, WebAssembly',
      passedOver: [{ engine: 'gpu', why: 'is not installed' }],
      jobs: 12,
      batches: 3,
      lastBatchSize: 2,
      meanBatchSize: 4,
    },
  ],
});

it('gives back what workers said, until they leave', async () => {
  expect(await readWorkers(rig.records)).toEqual([]);
  await announceWorker(rig.records, worker('a'));
  await announceWorker(rig.records, worker('b'));
  await announceWorker(rig.records, { ...worker('a'), pid: 18 });
  expect(await readWorkers(rig.records)).toMatchObject([{ ...worker('a'), pid: 18 }, worker('b')]);
  await withdrawWorker(rig.records, 'a');
  expect(await readWorkers(rig.records)).toMatchObject([worker('b')]);
});

it('forgets a worker that stopped reporting', async () => {
  await announceWorker(rig.records, worker('a'));
  const key = rig.records.key('worker:a');
  expect(await rig.redis.command(['PTTL', key])).toBeGreaterThan(10_000);
  await rig.redis.command(['DEL', key]);
  expect(await readWorkers(rig.records)).toEqual([]);
});

it('reads what a later version says, whatever it adds', async () => {
  const later = { ...worker('a'), threads: 4, models: [{ ...worker('a').models[0], cores: 2 }] };
  await announceWorker(rig.records, later as WorkerInfo);
  expect(await readWorkers(rig.records)).toMatchObject([worker('a')]);
});

it('leaves out what is no report', async () => {
  await announceWorker(rig.records, worker('a'));
  for (const [id, text] of [
    ['b', 'not JSON'],
    ['c', '{"id":"c"}'],
    ['d', JSON.stringify({ ...worker('d'), models: [{ name: 'x' }] })],
  ] as const) {
    await rig.redis.command(['SET', rig.records.key(`worker:${id}`), text]);
    await rig.redis.command(['ZADD', rig.records.key('workers'), String(Date.now()), id]);
  }
  expect((await readWorkers(rig.records)).map(({ id }) => id)).toEqual(['a']);
});
