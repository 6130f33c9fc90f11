import { ConfigError, RedisUnavailableError } from '../../../shared/errors.js';
import { ReleaseStack } from '../../../shared/process/release-stack.js';
import { openPartitions } from '../../../shared/records/open-partitions.js';
import { parseRedisAddress } from '../../../shared/redis/address.js';
import { startRedis, type TestRedis } from '../../support/redis.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis({ host: '127.0.0.1' });
});
afterAll(() => server.stop());

const open = (scheme: string, path = '', keyPrefix = ''): Promise<unknown> => {
  const errors: string[] = [];
  const address = parseRedisAddress(`${server.url.replace('redis:', `${scheme}:`)}${path}`);
  const redis = { address, onError: (message: string) => void errors.push(message) };
  return openPartitions(1, { redis, keyPrefix, release: new ReleaseStack() });
};

it.each([
  [
    'a Redis of its own for a cluster',
    'redis+cluster',
    '',
    '',
    /names a cluster, and \S+ is a Redis of its own/,
  ],
  ['a Redis for a Sentinel', 'redis+sentinel', '/main', '', /names Sentinels, and \S+ is none/],
  ['a prefix that would decide the slot', 'redis+cluster', '', '{a}:', /KEY_PREFIX must have no braces/],
])('ends the start with a sentence where it finds %s', async (_, scheme, path, keyPrefix, sentence) => {
  const opening = open(scheme, path, keyPrefix);
  await expect(opening).rejects.toThrow(ConfigError);
  await expect(opening).rejects.toThrow(sentence);
});

it('waits where nobody answers, and says who was asked', async () => {
  const address = parseRedisAddress('redis+sentinel://127.0.0.1:1,localhost:1/main');
  const stopping = new AbortController();
  const errors: string[] = [];
  const opening = openPartitions(1, {
    redis: {
      address,
      signal: stopping.signal,
      onError(message) {
        if (errors.push(message) === 3) stopping.abort();
      },
    },
    keyPrefix: '',
    release: new ReleaseStack(),
  });
  await expect(opening).rejects.toThrow(RedisUnavailableError);
  expect(errors[0]).toMatch(/search for its master: (?=.*127\.0\.0\.1:1 )(?=.*localhost:1 )/);
});
