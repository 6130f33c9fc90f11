import { startRedis, type TestRedis, type TestRedisOptions } from '../redis.js';
import { current } from './current.js';

/** One Redis for all tests of the file or `describe`. */
export function useRedis(options?: TestRedisOptions): TestRedis {
  let redis: TestRedis | undefined;
  beforeAll(async () => {
    redis = await startRedis(options);
  });
  afterAll(() => redis?.stop());
  return current(() => redis);
}
