import { until } from '../support/latch.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const api = useApiRig();

const demand = async (query = ''): Promise<unknown> => (await api.call('get', `/stats/demand${query}`)).body;

it('tells what waits and what workers hold, of one model and of all', async () => {
  expect(await demand()).toEqual({ waiting: 0, held: 0 });
  const trip = (await api.submit({ input: TRIP })).body.id;
  await api.submit({ model: SHOP, input: { size: 'm' } });
  expect(await demand()).toEqual({ waiting: 2, held: 0 });
  await api.worker.claim(trip);
  expect([await demand(), await demand(`?model=${LINEAR}`), await demand(`?model=${SHOP}`)]).toEqual([
    { waiting: 1, held: 1 },
    { waiting: 0, held: 1 },
    { waiting: 1, held: 0 },
  ]);
});

it('counts a job that starts later once its time has come', async () => {
  await api.submit({ input: TRIP, delay_ms: 3_600_000 });
  expect(await demand()).toEqual({ waiting: 0, held: 0 });
  await api.submit({ input: TRIP, delay_ms: 1 });
  // No sweeper runs here that would let it wait in its lane.
  await until(async () => JSON.stringify(await demand()) === JSON.stringify({ waiting: 1, held: 0 }), {
    what: 'the job that is due',
  });
});

it('counts a chunk of a batch as a full micro-batch', async () => {
  const body = { inputs: [TRIP, TRIP] };
  const { id } = (await api.call('post', `/batches?model=${LINEAR}`, { body })).body;
  expect(await demand()).toEqual({ waiting: 64, held: 0 });
  await api.worker.claim(`${id}:0`);
  expect(await demand()).toEqual({ waiting: 0, held: 64 });
});

it('refuses a model that is not there, and what it does not know', async () => {
  expect((await api.call('get', '/stats/demand?model=nobody')).status).toBe(404);
  expect((await api.call('get', '/stats/demand?colour=1')).status).toBe(422);
});
