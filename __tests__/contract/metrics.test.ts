import { until } from '../support/latch.js';
import { openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const api = useApiRig();

/** The samples of a scrape, by name and labels as they are written. */
async function scrape(rig = api): Promise<Map<string, number>> {
  const { status, text } = await rig.call('get', '/metrics');
  expect(status).toBe(200);
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

it('counts what was submitted, waits, runs and ended', async () => {
  const ids = await Promise.all(
    [1, 2, 3].map(async () => (await api.submit({ input: TRIP })).body.id as string),
  );
  await api.worker.succeed(ids[0] ?? '');
  await api.worker.claim(ids[1] ?? '');
  const samples = await scrape();
  expect(samples.get(`waggle_jobs_submitted_total{model="${LINEAR}"}`)).toBe(3);
  expect(samples.get(`waggle_jobs_ended_total{model="${LINEAR}",state="succeeded"}`)).toBe(1);
  expect(samples.get(`waggle_queue_depth{queue="${LINEAR}"}`)).toBe(1);
  expect(samples.get(`waggle_queue_oldest_age_seconds{queue="${LINEAR}"}`)).toBeGreaterThan(0);
  expect(samples.get('waggle_running')).toBe(1);
  expect(samples.get(`waggle_jobs_running{model="${LINEAR}"}`)).toBe(1);
  expect(samples.get('waggle_redis_up')).toBe(1);
});

it('measures requests by route, never by path', async () => {
  await api.call('get', '/jobs/x');
  await api.call('get', '/jobs/y');
  const count = 'waggle_http_request_duration_seconds_count{method="GET",route="/jobs/{id}",status="404"}';
  // Counted when the connection knows that the answer is sent, which may be after the client has it.
  await until(async () => (await scrape()).has(count));
  expect((await scrape()).get(count)).toBe(2);
});

it('answers while Redis is away, without what only Redis knows', async () => {
  const impatient = await openApiRig(api.server, {
    env: { KEY_PREFIX: api.ctx.config.redis.keyPrefix, REDIS_TIMEOUT_MS: '300' },
  });
  api.server.freeze();
  const samples = await scrape(impatient);
  api.server.thaw();
  expect(samples.get('waggle_redis_up')).toBe(0);
  expect(samples.get('waggle_redis_errors_total')).toBeGreaterThan(0);
  expect([...samples.keys()].some((name) => name.startsWith('waggle_queue_depth'))).toBe(false);
  await until(async () => (await scrape(impatient)).get('waggle_redis_up') === 1);
  await impatient.close();
});
