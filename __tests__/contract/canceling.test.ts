import { v7 as uuidv7 } from 'uuid';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';

const api = useApiRig();

const submitted = async (): Promise<string> => (await api.submit({ input: TRIP })).body.id;
const cancel = (id: string) => api.call('delete', `/jobs/${id}`);

it('is linked while it works: until the job has ended', async () => {
  const id = await submitted();
  const self = `/jobs/${id}`;
  const links = async () => (await api.poll(id)).body.links;
  const cancelable = { self, events: `${self}/events`, cancel: self };
  expect(await links()).toEqual(cancelable);
  await api.worker.claim(id);
  expect(await links()).toEqual(cancelable);
  expect((await cancel(id)).body).toMatchObject({ status: 'canceling', links: cancelable });
  const done = await submitted();
  await api.worker.succeed(done);
  expect((await api.poll(done)).body.links).toEqual({
    self: `/jobs/${done}`,
    events: `/jobs/${done}/events`,
  });
  expect((await cancel(await submitted())).body.links).not.toHaveProperty('cancel');
});

it('cancels a queued job at once: 200, and no worker can take it', async () => {
  const id = await submitted();
  const { status, body } = await cancel(id);
  expect([status, body.status]).toEqual([200, 'canceled']);
  await expect(api.worker.claim(id)).rejects.toThrow('cannot be claimed');
});

it('asks a running job to stop: 202, and drops its outcome', async () => {
  const id = await submitted();
  const job = await api.worker.claim(id);
  const { status, body, headers } = await cancel(id);
  expect([status, body.status, headers['retry-after']]).toEqual([202, 'canceling', '1']);
  expect((await cancel(id)).status).toBe(202);
  const run = { queue: 'q', modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
  await api.worker.leases.commit(run, [{ job, verdict: { ok: true, result: { duration: 1 } } }]);
  const polled = await api.poll(id);
  expect(polled.body.status).toBe('canceled');
  expect(polled.body).not.toHaveProperty('result');
});

it('answers 409 when the job has already ended, whichever way', async () => {
  const [done, canceled] = [await submitted(), await submitted()];
  await api.worker.succeed(done);
  await cancel(canceled);
  for (const id of [done, canceled]) {
    const { status, body } = await cancel(id);
    expect([status, body.type]).toEqual([409, '/problems/job-ended']);
  }
  expect((await api.poll(done)).body.status).toBe('succeeded');
});

it('answers 404 and 410 as a poll does', async () => {
  expect((await cancel('x')).status).toBe(404);
  expect((await cancel(uuidv7())).status).toBe(404);
  expect((await cancel(uuidv7({ msecs: 1_000 }))).status).toBe(410);
});
