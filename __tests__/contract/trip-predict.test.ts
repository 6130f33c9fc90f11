import { until } from '../support/latch.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';

const api = useApiRig();

const CALL = { request_id: '99999', ...TRIP };
const predict = (body: unknown, headers: Record<string, string> = {}) =>
  api.call('post', '/v1/trip/predict', { body, headers });

/** The job of the call that is under way. */
const newest = (): Promise<string> =>
  until(async () => {
    const { body } = await api.call('get', '/jobs?status=queued&limit=1');
    return body.jobs[0]?.id as string | undefined;
  });

it('waits and answers with the duration', async () => {
  const calling = predict(CALL);
  await api.worker.succeed(await newest(), { duration: 12.78 });
  const { status, body } = await calling;
  expect([status, body]).toEqual([200, { reply_code: 0, duration: 12.78 }]);
});

it.each([
  ['model_error', 101],
  ['timeout', 1],
] as const)('answers 200 to a job that failed with %s: reply code %i', async (code, reply_code) => {
  const calling = predict(CALL);
  await api.worker.fail(await newest(), code);
  const { status, body } = await calling;
  expect([status, body]).toEqual([200, { reply_code, duration: 0 }]);
});

it('answers reply code 1 when no answer came in time', async () => {
  const { status, body, headers } = await predict(CALL, { Prefer: 'wait=1' });
  expect([status, body]).toEqual([200, { reply_code: 1, duration: 0 }]);
  expect(headers['preference-applied']).toBe('wait=1');
  await api.call('delete', `/jobs/${await newest()}`);
});

it('does not let a job run that nobody waits for any more', async () => {
  const calling = predict(CALL, { Prefer: 'wait=1' });
  const { body } = await api.poll(await newest());
  expect(Date.parse(body.queue_expires_at) - Date.parse(body.created_at)).toBe(60_000);
  await api.worker.succeed(body.id);
  await calling;
});

it.each(['request_id', ...Object.keys(TRIP)])(
  'answers 400 in the original way without %s',
  async (member) => {
    const sent = Object.fromEntries(Object.entries(CALL).filter(([name]) => name !== member));
    const { status, body } = await predict(sent);
    expect(status).toBe(400);
    expect(body).toEqual({
      message: expect.any(String),
      detail: [{ pointer: `#/${member}`, detail: 'is required' }],
      body: sent,
    });
  },
);

it('answers 400 in the original way to every broken rule, and to what is no JSON', async () => {
  const { status, body } = await predict({ ...CALL, PULocationID: 'x', trip_distance: -1, colour: 1 });
  expect([status, body.detail.length]).toEqual([400, 3]);
  const garbage = await predict('{"request_id"', { 'Content-Type': 'application/json' });
  expect([garbage.status, garbage.body.body]).toEqual([400, null]);
});

it('answers 400 to a body nested beyond what can be echoed', async () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const { status } = await predict(deep, { 'Content-Type': 'application/json' });
  expect(status).toBe(400);
});

describe('with Prefer: respond-async', () => {
  it('answers 202 with the job', async () => {
    const { status, body, headers } = await predict(CALL, { Prefer: 'respond-async' });
    expect([status, body.status, body.request_id]).toEqual([202, 'queued', '99999']);
    expect(headers).toMatchObject({ location: `/jobs/${body.id}`, 'preference-applied': 'respond-async' });
    await api.call('delete', `/jobs/${body.id}`);
  });

  it('answers 200 all the same when the job ended within the wait', async () => {
    const calling = predict(CALL, { Prefer: 'respond-async, wait=30' });
    await api.worker.succeed(await newest());
    const { status, body, headers } = await calling;
    expect([status, body.reply_code]).toEqual([200, 0]);
    expect(headers['preference-applied']).toBe('wait=30');
  });
});
