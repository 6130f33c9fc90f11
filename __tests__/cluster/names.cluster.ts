import { startProgram } from '../support/program.js';
import { type SentinelRedis, startSentinels } from '../support/redis-sentinels.js';

let redis: SentinelRedis;
beforeAll(async () => {
  redis = await startSentinels();
}, 60_000);
afterAll(() => redis.stop());

it('ends with a sentence where the Sentinels know no master of the name', async () => {
  const api = startProgram('api', { REDIS_URL: redis.url('other') });
  expect(await api.ended).toBe(1);
  expect(api.log.at(-1)).toMatchObject({ error: expect.stringContaining('names the master other, which') });
});
