import { startProgram } from '../support/program.js';
import { NAME, startSentinels } from '../support/redis-sentinels.js';
import type { Replaceable } from '../support/replaceable.js';

let redis: Replaceable;
beforeAll(async () => {
  redis = await startSentinels();
}, 60_000);
afterAll(() => redis.stop());

it('ends with a sentence where the Sentinels know no master of the name', async () => {
  const api = startProgram('api', { REDIS_URL: redis.url.replace(NAME, 'other') });
  expect(await api.ended).toBe(1);
  expect(api.log.at(-1)).toMatchObject({ error: expect.stringContaining('names the master other, which') });
});
