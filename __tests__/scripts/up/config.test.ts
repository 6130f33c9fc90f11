import { readUpConfig } from '../../../scripts/up/config.js';

describe('readUpConfig', () => {
  it('has the documented defaults', () => {
    expect(readUpConfig({}, '/repo', false)).toEqual({
      host: '127.0.0.1',
      port: 8182,
      redis: { kind: 'private', dataDir: '/repo/.data', fsync: 'everysec' },
      workers: 1,
      apis: 1,
      graceMs: 10_000,
      log: { level: 'info', dir: undefined, pretty: false },
    });
  });

  it('uses a Redis that is named, and then needs no data folder', () => {
    const { redis } = readUpConfig({ REDIS_URL: 'redis://:secret@db:6380/2' }, '/repo', false);
    expect(redis).toMatchObject({ kind: 'given', address: { host: 'db', port: 6380, database: 2 } });
  });

  it('takes the data folder from the environment, relative to the repository', () => {
    const config = readUpConfig({ DATA_DIR: 'd', REDIS_FSYNC: 'always' }, '/repo', true);
    expect(config.redis).toEqual({ kind: 'private', dataDir: '/repo/d', fsync: 'always' });
    expect(config.log.pretty).toBe(true);
  });

  it('has no replicas of its own to wait for', () => {
    const env = { REDIS_REPLICAS_ACK: '1' };
    expect(() => readUpConfig(env, '/repo', false)).toThrow('REDIS_REPLICAS_ACK needs REDIS_URL');
    expect(readUpConfig({ ...env, REDIS_URL: 'redis://db' }, '/repo', false).redis.kind).toBe('given');
  });

  it('wants a number of workers', () => {
    expect(() => readUpConfig({ WORKERS: 'x' }, '/repo', false)).toThrow('WORKERS must be');
  });

  it('names every bad variable at once', () => {
    const env = {
      PORT: '80 80',
      WORKERS: '0',
      WEB_CONCURRENCY: 'many',
      REDIS_FSYNC: 'daily',
      REDIS_URL: 'x',
    };
    expect(() => readUpConfig(env, '/repo', false)).toThrow(
      /REDIS_FSYNC[^]*PORT[^]*REDIS_URL[^]*WORKERS[^]*WEB_CONCURRENCY/,
    );
  });
});
