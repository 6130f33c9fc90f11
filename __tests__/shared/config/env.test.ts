import { readEnv } from '../../../shared/config/env.js';
import { describeRedisAddress, parseRedisAddress } from '../../../shared/redis/address.js';

describe('readEnv', () => {
  const read = (env: Record<string, string>) =>
    readEnv(env, (r) => ({
      port: r.int('PORT', 8182, { min: 0, max: 65_535 }),
      engine: r.choice('ENGINE', ['auto', 'wasm'], 'auto'),
      redis: r.parsed('REDIS_URL', 'redis://127.0.0.1:6379', parseRedisAddress),
      nested: { name: r.text('NAME', 'x') },
    }));

  it('fills defaults, counts an empty value as unset, and freezes deeply', () => {
    const config = read({ PORT: '' });
    expect(config).toMatchObject({ port: 8182, engine: 'auto', nested: { name: 'x' } });
    expect(Object.isFrozen(config.nested)).toBe(true);
  });

  it('names every bad variable in one error', () => {
    const bad = { PORT: '70000', ENGINE: 'abacus', REDIS_URL: 'http://x' };
    expect(() => read(bad)).toThrow(/PORT must be .*ENGINE must be one of auto, wasm.*REDIS_URL must start/s);
  });
});

describe('REDIS_URL', () => {
  it('is a host, a TLS host or a socket', () => {
    expect(parseRedisAddress('redis://redis/2')).toMatchObject({
      kind: 'host',
      host: 'redis',
      port: 6379,
      database: 2,
    });
    expect(parseRedisAddress('rediss://u:p%40@h:7000')).toMatchObject({
      tls: true,
      port: 7000,
      username: 'u',
      password: 'p@',
    });
    expect(parseRedisAddress('redis://[::1]:7000')).toMatchObject({ host: '::1' });
    expect(parseRedisAddress('unix:///tmp/a.sock?db=1')).toEqual({
      kind: 'socket',
      path: '/tmp/a.sock',
      database: 1,
    });
  });
  it('is Sentinels that know a master, with a login of their own', () => {
    expect(
      parseRedisAddress(
        'rediss+sentinel://u:p%40@s1:7000,[::1]/main?db=2&sentinel_username=s&sentinel_password=a%26b',
      ),
    ).toEqual({
      kind: 'sentinel',
      name: 'main',
      seeds: [
        { kind: 'host', host: 's1', port: 7000, tls: true, database: 0, username: 's', password: 'a&b' },
        { kind: 'host', host: '::1', port: 26_379, tls: true, database: 0, username: 's', password: 'a&b' },
      ],
      master: { kind: 'host', host: '', port: 0, tls: true, database: 2, username: 'u', password: 'p@' },
    });
    expect(() => parseRedisAddress('redis+sentinel://s1,s2')).toThrow(/must name the master/);
  });
  it('is nodes of a cluster, which has no other database', () => {
    const address = parseRedisAddress('redis+cluster://:p@h1,h2:7001/');
    expect(address).toMatchObject({
      kind: 'cluster',
      seeds: [
        { host: 'h1', port: 6379, tls: false, password: 'p' },
        { host: 'h2', port: 7001, tls: false, password: 'p' },
      ],
    });
    expect(describeRedisAddress(address)).toBe('redis+cluster://h1:6379,h2:7001');
    for (const url of ['redis+cluster://h1/2', 'redis+cluster://h1?db=2']) {
      expect(() => parseRedisAddress(url)).toThrow(/must not name a database/);
    }
  });
  it('shows no password when described or refused', () => {
    expect(describeRedisAddress(parseRedisAddress('redis://u:secret@h'))).toBe('redis://h:6379');
    const sentinels = 'redis+sentinel://u:secret@h/main?sentinel_password=secret';
    expect(describeRedisAddress(parseRedisAddress(sentinels))).toBe('redis+sentinel://h:26379/main');
    expect(() => parseRedisAddress('u:secret@h:1')).toThrow(/must start with redis/);
    // With characters that would have to be percent-encoded, the password ends up in another part of the URL.
    const schemes = ['redis://', 'redis+sentinel://', 'redis+cluster://'];
    const unencoded = schemes.flatMap((scheme) => [`${scheme}u:secret/1@h`, `${scheme}u:1/secret@h`]);
    for (const url of ['//u:secret@h', 'redis://:secret', ...unencoded]) {
      expect(() => parseRedisAddress(url)).toThrow(/^(?!.*secret)/s);
    }
  });
});
