import { startRedis, type TestRedis, type TestRedisOptions } from '../redis.js';
import { current } from './current.js';

export interface RigOptions {
  /** The Redis to work on; the rig starts one for the file or `describe` otherwise. */
  server?: TestRedis | undefined;
  /** How the rig starts its own Redis. */
  redis?: TestRedisOptions | undefined;
}

/**
 * Opens a rig for each test or, if `shared`, one for all tests of the file or `describe`. Jest runs hooks that clean up in
 * the order of their registration: a hook that closes users of the rig stands above the call.
 */
export function useRig<T extends { close(): Promise<void> }>(
  open: (server: TestRedis) => Promise<T>,
  { shared, server: given, redis }: RigOptions & { shared: boolean },
): T {
  let own: TestRedis | undefined;
  let rig: T | undefined;
  const server = given ?? current(() => own);
  if (!given) {
    beforeAll(async () => {
      own = await startRedis(redis);
    });
  }
  const begin = shared ? beforeAll : beforeEach;
  begin(async () => {
    rig = await open(server);
  });
  const end = shared ? afterAll : afterEach;
  end(async () => {
    await rig?.close();
    rig = undefined;
  });
  if (!given) afterAll(() => own?.stop());
  return current(() => rig);
}
